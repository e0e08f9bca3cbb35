//! The task that watches a cluster, feeds the cache, and sends changes to its subscribers.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    future::pending,
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use regcred_core::{Error, ErrorKind, Namespace, Result, Target, TargetEvent};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tracing::warn;

use crate::{
    cache::Cache,
    call::PAGE,
    cluster::Cluster,
    namespace::{self, LiveNamespace},
    resync::Resync,
    subscriber::{Subject, Subscriber, Subscription},
    watch::{Event, EventSender, backoff},
};

/// Number of events in memory. Each has a size limit, and can still be large.
const WAITING: usize = 16;
/// Several watches often become too old at the same time. A short wait lets their targets be reconciled once.
const TOGETHER: Duration = Duration::from_secs(1);
/// Interval at which the cache drops lists without recent calls.
const TIDY: Duration = Duration::from_mins(6);

/// The watches of a task.
#[derive(Debug)]
pub(crate) struct WatchScope {
    pub(crate) cluster: Cluster,
    pub(crate) subjects: BTreeSet<Subject>,
    /// The watches that never run. Each of their targets is reported at intervals.
    pub(crate) missing: BTreeSet<Subject>,
    /// Whether the namespaces of the cluster are listed and watched too.
    pub(crate) is_listing: bool,
    pub(crate) cache: Cache,
    /// The interval at which each target without a complete watch is reported, and the time until the first report.
    pub(crate) resync: Duration,
    pub(crate) first_resync: Duration,
}

/// The watches of one cluster while they run. Subscribers join and leave.
pub(crate) struct SharedWatch {
    scope: Arc<WatchScope>,
    joining: mpsc::UnboundedReceiver<Subscriber>,
    subscribers: BTreeMap<u64, Subscriber>,
    joined: u64,
    /// The namespaces, each with its uid. A namespace that was created again has another one.
    there: HashMap<Namespace, String>,
    /// The watches that do not run.
    missing: BTreeSet<Subject>,
    has_warned: bool,
    /// The targets without a complete watch, each in turn.
    resync: Resync<(u64, Target)>,
    /// The watches that may have missed changes, and when their targets are reconciled.
    missed: (BTreeSet<Subject>, Option<Instant>),
    /// When the namespaces are listed again, and the number of failures in a row.
    relist: (Option<Instant>, u32),
}

impl SharedWatch {
    pub(crate) fn new(scope: Arc<WatchScope>, joining: mpsc::UnboundedReceiver<Subscriber>) -> Self {
        Self {
            resync: Resync::new(scope.resync, scope.first_resync),
            joining,
            subscribers: BTreeMap::new(),
            joined: 0,
            there: HashMap::new(),
            missing: scope.missing.clone(),
            has_warned: false,
            missed: (BTreeSet::new(), None),
            relist: (None, 0),
            scope,
        }
    }

    /// Runs until it is dropped. If it cannot start, all subscribers fail.
    pub(crate) async fn run(mut self) {
        if let Err(error) = self.watch().await {
            self.joining.close();
            self.enter_all();
            for subscriber in std::mem::take(&mut self.subscribers).into_values() {
                subscriber.fail(&error);
            }
        }
    }

    async fn watch(&mut self) -> Result<()> {
        let (into, mut events) = mpsc::channel(WAITING);
        let mut running = FuturesUnordered::new();
        let scope = self.scope.clone();
        let watch = |subject: &Subject| subject.watch(&scope.cluster, scope.cache.kept());
        // A watch starts before any read, so that it reports all changes after the read.
        let begun = scope.subjects.iter().map(async |subject| (subject, watch(subject).version().await));
        for (subject, version) in join_all(begun).await {
            if let Err(error) = &version {
                if scope.is_listing && error.kind() != ErrorKind::Denied {
                    return Err(error.clone());
                }
                self.miss(subject, error);
            }
            running.push(watch(subject).keep(version, EventSender { subject: subject.clone(), into: into.clone() }));
        }
        let version = self.list().await?;
        if scope.is_listing {
            let subject = Subject::Namespaces;
            running.push(watch(&subject).keep(Ok(version), EventSender { subject, into }));
        }
        let mut tidy = Instant::now() + TIDY;
        loop {
            tokio::select! {
                biased;
                Some(subscriber) = self.joining.recv() => {
                    self.enter(subscriber);
                    if let Err(error) = self.list().await {
                        self.turn_away(&error);
                    }
                }
                Some((subject, event)) = events.recv() => self.dispatch(&subject, event).await,
                Some(()) = running.next() => {}
                () = at(self.relist.0) => {
                    let failures = self.relist.1 + 1;
                    self.relist = match self.list().await {
                        Ok(_) => (None, 0),
                        Err(error) => (Some(Instant::now() + backoff("namespaces", &error, failures)), failures),
                    };
                }
                () = at(self.missed.1) => self.catch_up().await,
                () = sleep_until(tidy) => {
                    tidy = Instant::now() + TIDY;
                    scope.cache.tidy().await;
                }
                () = self.resync.tick() => {
                    let (subscribers, missing) = (&self.subscribers, &self.missing);
                    let open = || targets(subscribers, |it, target| !it.covers(target, missing));
                    if let Some(target) = self.resync.take(open) {
                        self.again(target).await;
                    }
                }
            }
        }
    }

    fn enter(&mut self, subscriber: Subscriber) {
        self.subscribers.retain(|_, it| !it.has_left()); // first, because a subscriber that left may have joined again
        self.joined += 1;
        self.subscribers.insert(self.joined, subscriber);
    }

    fn enter_all(&mut self) {
        while let Ok(subscriber) = self.joining.try_recv() {
            self.enter(subscriber);
        }
    }

    /// Fails the subscribers that do not know the namespaces yet.
    fn turn_away(&mut self, error: &Error) {
        for (_, subscriber) in self.subscribers.extract_if(.., |_, it| !it.synced) {
            subscriber.fail(error);
        }
    }

    /// Records that a watch does not run. Its targets are reported at intervals.
    fn miss(&mut self, subject: &Subject, error: &Error) {
        if error.kind() == ErrorKind::Denied && !std::mem::replace(&mut self.has_warned, true) {
            let resync_seconds = self.scope.resync.as_secs();
            warn!(error = error.chain(), resync_seconds, "cannot watch targets");
        }
        self.missing.insert(subject.clone());
        for Subscriber { subscription, .. } in self.subscribers.values() {
            let concerned = subscription.all().filter(|target| subscription.needs(subject, target));
            concerned.for_each(|target| subscription.targets.states().unfollow(&target));
        }
    }

    /// Reports the targets whose changes may have been missed.
    async fn catch_up(&mut self) {
        let (missed, _) = std::mem::take(&mut self.missed);
        self.scope.cache.reset();
        let is_concerned = |it: &Subscription, target: &Target| missed.iter().any(|subject| it.needs(subject, target));
        for (number, target) in targets(&self.subscribers, is_concerned) {
            if let Some(subscriber) = self.subscribers.get(&number) {
                subscriber.subscription.follow(&target, &self.missing);
            }
            self.again((number, target)).await;
        }
    }

    /// Reports all targets to new subscribers. Returns the version of the list of namespaces.
    async fn list(&mut self) -> Result<String> {
        self.enter_all();
        // Older lists may lack changes from before the watch.
        if self.subscribers.values().any(|it| !it.synced) {
            self.scope.cache.reset();
        }
        let version = if self.scope.is_listing { self.list_namespaces().await? } else { String::new() };
        for subscriber in self.subscribers.values_mut().filter(|it| !it.synced) {
            subscriber.synced = true;
            let subscription = &subscriber.subscription;
            for target in subscription.all().filter(|_| !self.scope.is_listing) {
                subscription.follow(&target, &self.missing);
                subscriber.sender.send(TargetEvent::Present(target)).await;
            }
            subscriber.sender.send(TargetEvent::Synced).await;
        }
        Ok(version)
    }

    async fn list_namespaces(&mut self) -> Result<String> {
        let scope = self.scope.clone();
        let (list, own) = (namespace::list(scope.cluster.client()), scope.cluster.own_namespace());
        let mut absent = self.there.keys().cloned().collect::<HashSet<_>>();
        let (mut next, mut version) = (None, None);
        loop {
            let page = list.page(PAGE, next, |piece| namespace::read(piece, own)).await?;
            for namespace in page.items.into_iter().flatten() {
                absent.remove(&namespace.name);
                self.there(namespace).await;
            }
            version = version.or(Some(page.version));
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        for namespace in absent {
            self.gone(namespace.as_str()).await;
        }
        Ok(version.unwrap_or_default())
    }

    async fn dispatch(&mut self, subject: &Subject, event: Event) {
        match (subject, event) {
            (Subject::Namespaces, Event::Resumed) => self.relist = (Some(Instant::now()), 0),
            (Subject::Namespaces, Event::Denied(error)) => {
                warn!(error = error.chain(), "cannot watch namespaces");
                self.relist = (Some(Instant::now()), 0);
            }
            (subject, Event::Resumed) => {
                self.missing.remove(subject);
                self.missed.0.insert(subject.clone());
                self.missed.1.get_or_insert_with(|| Instant::now() + TOGETHER);
            }
            (subject, Event::Denied(error)) => self.miss(subject, &error),
            (Subject::Namespaces, Event::Added(object) | Event::Modified(object)) => {
                let name = object.metadata.name.clone().unwrap_or_default();
                match LiveNamespace::read(object.metadata, self.scope.cluster.own_namespace()) {
                    Some(namespace) => self.there(namespace).await,
                    None => self.gone(&name).await,
                }
            }
            (Subject::Namespaces, Event::Deleted(object)) => {
                self.gone(object.metadata.name.as_deref().unwrap_or_default()).await;
            }
            // New labels do not matter for a namespace that the config names.
            (Subject::Namespace(_), Event::Modified(_)) => {}
            (Subject::Namespace(name), Event::Added(_) | Event::Deleted(_)) => {
                let changed = |it: &Subscription, target: &Target| {
                    it.targets.invalidate(target);
                    true
                };
                self.publish(name.as_str(), changed).await;
            }
            (Subject::Secret(_, name), event) => {
                let is_changed = |it: &Subscription, target: &Target| {
                    it.selector.secret == *name && it.targets.secret_event(target, &event)
                };
                self.publish(event.namespace(), is_changed).await;
            }
            (Subject::Account(_, name), event) => {
                let is_changed = |it: &Subscription, target: &Target| {
                    it.accounts.contains(name) && it.targets.account_event(target, name, &event)
                };
                self.publish(event.namespace(), is_changed).await;
            }
        }
    }

    async fn there(&mut self, namespace: LiveNamespace) {
        let before = self.there.insert(namespace.name.clone(), namespace.uid.clone());
        let is_another = before.is_none_or(|before| before != namespace.uid);
        for subscriber in self.subscribers.values_mut() {
            let subscription = &mut subscriber.subscription;
            let Some(target) = subscription.selector.target(&namespace) else {
                subscriber.lose(namespace.name.as_str()).await;
                continue;
            };
            if subscription.wanted.insert(namespace.name.clone()) || is_another {
                subscription.follow(&target, &self.missing);
                if subscriber.synced {
                    subscription.targets.invalidate(&target);
                }
                subscriber.sender.send(TargetEvent::Present(target)).await;
            }
        }
    }

    async fn gone(&mut self, namespace: &str) {
        self.there.remove(namespace);
        for subscriber in self.subscribers.values_mut() {
            subscriber.lose(namespace).await;
        }
    }

    /// Reports the targets of a namespace that have changed.
    async fn publish(&self, namespace: &str, is_changed: impl Fn(&Subscription, &Target) -> bool) {
        for Subscriber { subscription, sender, .. } in self.subscribers.values().filter(|it| it.synced) {
            let target = subscription.wanted.get(namespace).map(|namespace| subscription.selector.at(namespace));
            if let Some(target) = target.filter(|target| is_changed(subscription, target)) {
                sender.send(TargetEvent::Present(target)).await;
            }
        }
    }

    async fn again(&self, (number, target): (u64, Target)) {
        let subscriber = self.subscribers.get(&number).filter(|it| it.subscription.wanted.contains(target.group()));
        if let Some(subscriber) = subscriber {
            subscriber.sender.send(TargetEvent::Again(target)).await;
        }
    }
}

/// Returns the targets that `takes` accepts, each with the number of its subscriber.
fn targets(
    subscribers: &BTreeMap<u64, Subscriber>,
    takes: impl Fn(&Subscription, &Target) -> bool,
) -> Vec<(u64, Target)> {
    let mut all = vec![];
    for (number, Subscriber { subscription, .. }) in subscribers {
        all.extend(subscription.all().filter(|target| takes(subscription, target)).map(|target| (*number, target)));
    }
    all
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
