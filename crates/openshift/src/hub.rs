//! The task that watches a cluster, feeds the cache, and publishes changes to its subscribers.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    future::pending,
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use regcred_core::{Error, ErrorKind, Namespace, Result, Sighting, Target};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tracing::warn;

use crate::{
    cache::Cache,
    call::PAGE,
    cluster::Cluster,
    namespace::{self, Place},
    resync::Resync,
    subscriber::{Scope, Subject, Subscriber},
    watch::{Event, Outlet, backoff},
};

/// Number of events that wait before the server does. Each is bounded, and can still be large.
const WAITING: usize = 16;
/// Watches that are too old are too old together. One look at their targets is enough for all of them.
const TOGETHER: Duration = Duration::from_secs(1);
/// Interval at which the cache drops lists without recent calls.
const TIDY: Duration = Duration::from_mins(6);

/// The watches of a hub, besides that of the namespaces of the cluster.
pub(crate) struct Watched {
    pub(crate) cluster: Cluster,
    pub(crate) subjects: BTreeSet<Subject>,
    /// Whether the namespaces of the cluster are listed and watched.
    pub(crate) is_listing: bool,
    pub(crate) cache: Cache,
    /// How often each target is named again that is not watched as a whole, and when the first of them is.
    pub(crate) resync: Duration,
    pub(crate) first_resync: Duration,
}

/// Its subscribers join and leave while it runs.
pub(crate) struct Hub {
    watched: Arc<Watched>,
    joining: mpsc::UnboundedReceiver<Subscriber>,
    subscribers: BTreeMap<u64, Subscriber>,
    joined: u64,
    /// The namespaces, each with its uid. A namespace that was created anew is another one.
    there: HashMap<Namespace, String>,
    /// The watches that are not there.
    missing: BTreeSet<Subject>,
    has_warned: bool,
    /// Each target in turn that is not watched as a whole.
    resync: Resync<(u64, Target)>,
    /// The watches that may have missed changes, and when their targets are looked at again.
    missed: (BTreeSet<Subject>, Option<Instant>),
    /// When the namespaces are listed again, and how often in a row that has failed.
    relist: (Option<Instant>, u32),
}

impl Hub {
    pub(crate) fn new(watched: Arc<Watched>, joining: mpsc::UnboundedReceiver<Subscriber>) -> Self {
        let resync = Resync::new(watched.resync, watched.first_resync);
        Self {
            watched,
            joining,
            subscribers: BTreeMap::new(),
            joined: 0,
            there: HashMap::new(),
            missing: BTreeSet::new(),
            has_warned: false,
            resync,
            missed: (BTreeSet::new(), None),
            relist: (None, 0),
        }
    }

    /// Runs until it is dropped, or fails all subscribers if it cannot begin.
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
        let watched = self.watched.clone();
        let watch = |subject: &Subject| subject.watch(&watched.cluster, watched.cache.kept());
        // A watch begins before anything is read, so it reports changes after the read.
        let begun = watched.subjects.iter().map(async |subject| (subject, watch(subject).version().await));
        for (subject, version) in join_all(begun).await {
            if let Err(error) = &version {
                if watched.is_listing && error.kind() != ErrorKind::Denied {
                    return Err(error.clone());
                }
                self.miss(subject, error);
            }
            running.push(watch(subject).keep(version, Outlet { subject: subject.clone(), into: into.clone() }));
        }
        let version = self.list().await?;
        if watched.is_listing {
            let subject = Subject::Namespaces;
            running.push(watch(&subject).keep(Ok(version), Outlet { subject, into }));
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
                Some((subject, event)) = events.recv() => self.see(&subject, event).await,
                Some(()) = running.next() => {}
                () = at(self.relist.0) => {
                    let failures = self.relist.1 + 1;
                    self.relist = match self.list().await {
                        Ok(_) => (None, 0),
                        Err(error) => (Some(Instant::now() + backoff("namespaces", &error, failures)), failures),
                    };
                }
                () = at(self.missed.1) => self.look_again().await,
                () = sleep_until(tidy) => {
                    tidy = Instant::now() + TIDY;
                    watched.cache.tidy().await;
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
        self.subscribers.retain(|_, it| !it.has_left()); // first: one that left may be back
        self.joined += 1;
        self.subscribers.insert(self.joined, subscriber);
    }

    fn enter_all(&mut self) {
        while let Ok(subscriber) = self.joining.try_recv() {
            self.enter(subscriber);
        }
    }

    /// Fails the subscribers that do not know the namespaces. The others are not concerned.
    fn turn_away(&mut self, error: &Error) {
        for (_, subscriber) in self.subscribers.extract_if(.., |_, it| !it.synced) {
            subscriber.fail(error);
        }
    }

    /// A watch is not there: names its targets again at intervals.
    fn miss(&mut self, subject: &Subject, error: &Error) {
        if error.kind() == ErrorKind::Denied && !std::mem::replace(&mut self.has_warned, true) {
            let minutes = self.watched.resync.as_secs() / 60;
            warn!(error = error.chain(), minutes, "cannot watch, so reads each target once in so many minutes");
        }
        self.missing.insert(subject.clone());
        for subscriber in self.subscribers.values() {
            let concerned = subscriber.all().filter(|target| subscriber.needs(subject, target));
            concerned.for_each(|target| subscriber.targets.unfollow(&target));
        }
    }

    /// Looks again at the targets whose changes may have been missed.
    async fn look_again(&mut self) {
        let (missed, _) = std::mem::take(&mut self.missed);
        self.watched.cache.reset();
        let is_concerned = |it: &Subscriber, target: &Target| missed.iter().any(|subject| it.needs(subject, target));
        for (number, target) in targets(&self.subscribers, is_concerned) {
            if let Some(subscriber) = self.subscribers.get(&number).filter(|it| it.covers(&target, &self.missing)) {
                subscriber.targets.follow(&target);
            }
            self.again((number, target)).await;
        }
    }

    /// Names all targets to every subscriber. Returns the version of the list of namespaces.
    async fn list(&mut self) -> Result<String> {
        self.enter_all();
        // Older lists may miss changes from before the watch.
        if self.subscribers.values().any(|it| !it.synced) {
            self.watched.cache.reset();
        }
        let version = if self.watched.is_listing { self.list_namespaces().await? } else { String::new() };
        let missing = &self.missing;
        for subscriber in self.subscribers.values_mut().filter(|it| !it.synced) {
            subscriber.synced = true;
            if subscriber.scope != Scope::Selected {
                for target in subscriber.all() {
                    if subscriber.covers(&target, missing) {
                        subscriber.targets.follow(&target);
                    }
                    subscriber.feed.send(Sighting::Present(target)).await;
                }
            }
            subscriber.feed.send(Sighting::Synced).await;
        }
        Ok(version)
    }

    async fn list_namespaces(&mut self) -> Result<String> {
        let watched = self.watched.clone();
        let (list, own) = (namespace::list(watched.cluster.client()), watched.cluster.own_namespace());
        let mut absent = self.there.keys().cloned().collect::<HashSet<_>>();
        let (mut next, mut version) = (None, None);
        loop {
            let page = list.page(PAGE, next, |piece| namespace::read(piece, own)).await?;
            for place in page.items.into_iter().flatten() {
                absent.remove(&place.name);
                self.there(place).await;
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

    async fn see(&mut self, subject: &Subject, event: Event) {
        match (subject, event) {
            (Subject::Namespaces, Event::Resumed) => self.relist = (Some(Instant::now()), 0),
            (Subject::Namespaces, Event::Denied(error)) => {
                warn!(error = error.chain(), "cannot watch namespaces, so lists them again");
                self.relist = (Some(Instant::now()), 0);
            }
            (subject, Event::Resumed) => {
                self.missing.remove(subject);
                self.missed.0.insert(subject.clone());
                self.missed.1.get_or_insert_with(|| Instant::now() + TOGETHER);
            }
            (subject, Event::Denied(error)) => self.miss(subject, &error),
            (Subject::Namespaces, Event::Made(object) | Event::Written(object)) => {
                let name = object.metadata.name.clone().unwrap_or_default();
                match Place::read(object.metadata, self.watched.cluster.own_namespace()) {
                    Some(place) => self.there(place).await,
                    None => self.gone(&name).await,
                }
            }
            (Subject::Namespaces, Event::Gone(object)) => {
                self.gone(object.metadata.name.as_deref().unwrap_or_default()).await;
            }
            // A namespace that is only labelled stays the same.
            (Subject::Namespace(_), Event::Written(_)) => {}
            (Subject::Namespace(name), Event::Made(_) | Event::Gone(_)) => {
                self.publish(name.as_str(), |it, target| {
                    it.targets.invalidate(target);
                    true
                })
                .await;
            }
            (Subject::Secret(_, name), event) => {
                let is_changed = |it: &Subscriber, target: &Target| {
                    it.choice.secret == *name && it.targets.secret_event(target, &event)
                };
                self.publish(event.namespace(), is_changed).await;
            }
            (Subject::Account(_, name), event) => {
                let is_changed = |it: &Subscriber, target: &Target| {
                    it.accounts.contains(name) && it.targets.account_event(target, name, &event)
                };
                self.publish(event.namespace(), is_changed).await;
            }
        }
    }

    async fn there(&mut self, place: Place) {
        let before = self.there.insert(place.name.clone(), place.uid.clone());
        let is_another = before.is_none_or(|before| before != place.uid);
        for subscriber in self.subscribers.values_mut() {
            let Some(target) = subscriber.choice.target(&place) else {
                subscriber.lose(place.name.as_str()).await;
                continue;
            };
            if subscriber.wanted.insert(place.name.clone()) || is_another {
                if subscriber.covers(&target, &self.missing) {
                    subscriber.targets.follow(&target);
                }
                if subscriber.synced {
                    subscriber.targets.invalidate(&target);
                }
                subscriber.feed.send(Sighting::Present(target)).await;
            }
        }
    }

    async fn gone(&mut self, namespace: &str) {
        self.there.remove(namespace);
        for subscriber in self.subscribers.values_mut() {
            subscriber.lose(namespace).await;
        }
    }

    /// Names the targets of a namespace that have changed.
    async fn publish(&self, namespace: &str, is_changed: impl Fn(&Subscriber, &Target) -> bool) {
        for subscriber in self.subscribers.values().filter(|it| it.synced) {
            let target = subscriber.wanted.get(namespace).map(|namespace| subscriber.choice.at(namespace));
            if let Some(target) = target.filter(|target| is_changed(subscriber, target)) {
                subscriber.feed.send(Sighting::Present(target)).await;
            }
        }
    }

    async fn again(&self, (number, target): (u64, Target)) {
        let subscriber = self.subscribers.get(&number).filter(|it| it.wanted.contains(target.group()));
        if let Some(subscriber) = subscriber {
            subscriber.feed.send(Sighting::Again(target)).await;
        }
    }
}

/// Those targets that `takes` accepts, each with the number of its subscriber.
fn targets(
    subscribers: &BTreeMap<u64, Subscriber>,
    takes: impl Fn(&Subscriber, &Target) -> bool,
) -> Vec<(u64, Target)> {
    let mut all = vec![];
    for (number, subscriber) in subscribers {
        all.extend(subscriber.all().filter(|target| takes(subscriber, target)).map(|target| (*number, target)));
    }
    all
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
