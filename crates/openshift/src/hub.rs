//! The task that watches a cluster, feeds the cache, and publishes changes to its subscribers.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    future::pending,
    sync::Arc,
    time::Duration,
};

use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, join_all},
    stream::FuturesUnordered,
};
use k8s_openapi::api::core::v1::{Namespace as NamespaceObject, Secret, ServiceAccount};
use regcred_core::{Error, ErrorKind, Feed, Namespace, Result, SecretName, Sighting, Target};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use tracing::warn;

use crate::{
    cache::{Cache, Targets},
    call::PAGE,
    cluster::Cluster,
    namespace::{self, Choice, Place},
    resync::Resync,
    watch::{Event, Outlet, Watch},
};

/// Number of events that wait before the server does. Each is bounded, and can still be large.
const WAITING: usize = 16;
/// Watches that are too old are too old together. One look at everything is enough for all of them.
const TOGETHER: Duration = Duration::from_secs(1);
/// Interval at which the cache drops what nobody asks for.
const TIDY: Duration = Duration::from_mins(6);

/// What is watched, and where.
pub(crate) struct Watched {
    pub(crate) cluster: Cluster,
    pub(crate) secrets: BTreeSet<SecretName>,
    pub(crate) accounts: BTreeSet<String>,
    pub(crate) cache: Cache,
    pub(crate) resync: Duration,
}

/// A source while it watches.
pub(crate) struct Subscriber {
    choice: Choice,
    targets: Arc<Targets>,
    accounts: Vec<String>,
    feed: Feed,
    wanted: HashSet<Namespace>,
    /// Whether it knows all namespaces.
    synced: bool,
    /// Ends the source. It is closed once the source is dropped.
    failed: Option<oneshot::Sender<Error>>,
}

impl Subscriber {
    pub(crate) fn new(choice: Choice, targets: Arc<Targets>, feed: Feed, failed: oneshot::Sender<Error>) -> Self {
        let (accounts, failed) = (targets.accounts(), Some(failed));
        Self { choice, targets, accounts, feed, wanted: HashSet::new(), synced: false, failed }
    }

    fn has_left(&self) -> bool {
        self.failed.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    fn fail(mut self, error: &Error) {
        self.failed.take().map(|failed| failed.send(error.clone()));
    }

    /// Changes of its targets are not reported any more.
    fn unfollow(&self) {
        self.wanted.iter().for_each(|namespace| self.targets.unfollow(&self.choice.at(namespace)));
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.unfollow();
    }
}

/// The objects of one watch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Namespaces,
    Secrets(SecretName),
    Accounts(String),
}

/// Its subscribers join and leave while it runs.
pub(crate) struct Hub {
    watched: Arc<Watched>,
    joining: mpsc::UnboundedReceiver<Subscriber>,
    subscribers: BTreeMap<u64, Subscriber>,
    joined: u64,
    /// The namespaces, each with its uid. A namespace that was created anew is another one.
    there: HashMap<Namespace, String>,
    /// What RBAC does not allow to watch.
    denied: HashSet<Subject>,
    /// Each target in turn, while something is denied.
    resync: Resync<(u64, Target)>,
    /// When every target is looked at again, because changes may have been missed.
    missed: Option<Instant>,
}

impl Hub {
    pub(crate) fn new(watched: Arc<Watched>, joining: mpsc::UnboundedReceiver<Subscriber>) -> Self {
        let (subscribers, there, denied) = (BTreeMap::new(), HashMap::new(), HashSet::new());
        let resync = Resync::new(watched.resync, watched.resync);
        Self { watched, joining, subscribers, joined: 0, there, denied, resync, missed: None }
    }

    /// Runs until it is dropped, or fails all subscribers if it cannot begin.
    pub(crate) async fn run(mut self) {
        if let Err(error) = self.watch().await {
            self.joining.close();
            self.enter_all();
            std::mem::take(&mut self.subscribers).into_values().for_each(|it| it.fail(&error));
        }
    }

    async fn watch(&mut self) -> Result<()> {
        let (sender, mut events) = mpsc::channel(WAITING);
        let mut watches = FuturesUnordered::new();
        // A watch begins before anything is read, so it reports changes after the read.
        let begun = self.subjects().into_iter().map(async |(subject, watch)| (subject, watch.version().await, watch));
        for (subject, version, watch) in join_all(begun).await {
            match &version {
                Err(error) if error.kind() == ErrorKind::Denied => self.deny(&subject, error),
                Err(error) => return Err(error.clone()),
                Ok(_) => {}
            }
            watches.push(watch.keep(version, Outlet { subject, into: sender.clone() }));
        }
        let watch = Watch::new::<NamespaceObject>(self.watched.cluster.client(), "namespaces", None, None);
        let outlet = Outlet { subject: Subject::Namespaces, into: sender };
        let (version, mut failures) = (self.list().await?, 0);
        let mut namespaces: BoxFuture<'_, Option<Error>> = watch.follow(version, false, &outlet).boxed();
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
                Some(()) = watches.next() => {}
                ended = &mut namespaces => {
                    let listed = match ended {
                        Some(error) => Err(error),
                        None => self.list().await,
                    };
                    failures = if listed.is_ok() { 0 } else { failures + 1 };
                    namespaces = match listed {
                        Ok(version) => watch.follow(version, false, &outlet).boxed(),
                        Err(error) => {
                            let watch = &watch;
                            async move { watch.wait(&error, failures).map(|()| None).await }.boxed()
                        }
                    };
                }
                () = at(self.missed) => self.look_again().await,
                () = sleep_until(tidy) => {
                    tidy = Instant::now() + TIDY;
                    self.watched.cache.tidy().await;
                }
                () = self.resync.tick() => {
                    let (subscribers, is_watched) = (&self.subscribers, self.denied.is_empty());
                    let all = || if is_watched { vec![] } else { targets(subscribers) };
                    if let Some(target) = self.resync.take(all) {
                        self.again(target).await;
                    }
                }
            }
        }
    }

    /// The Secrets and ServiceAccounts that are watched.
    fn subjects(&self) -> Vec<(Subject, Watch)> {
        let Watched { cluster, secrets, accounts, cache, .. } = &*self.watched;
        let secret = |name: &SecretName| {
            let watch = Watch::new::<Secret>(cluster.client(), "secrets", None, Some(name.as_str()));
            (Subject::Secrets(name.clone()), watch.keeping(cache.kept()))
        };
        let account = |name: &String| {
            let watch = Watch::new::<ServiceAccount>(cluster.client(), "serviceaccounts", None, Some(name));
            (Subject::Accounts(name.clone()), watch.whole())
        };
        secrets.iter().map(secret).chain(accounts.iter().map(account)).collect()
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

    /// A watch is denied: names each target again at intervals.
    fn deny(&mut self, subject: &Subject, error: &Error) {
        if self.denied.is_empty() {
            let minutes = self.watched.resync.as_secs() / 60;
            warn!(
                error = error.chain(),
                minutes, "what changes cannot be watched, so each target is looked at once in so many minutes"
            );
            self.resync = Resync::new(self.watched.resync, self.watched.resync);
            self.subscribers.values().for_each(Subscriber::unfollow);
        }
        self.denied.insert(subject.clone());
    }

    /// Looks at every target again, because changes may have been missed.
    async fn look_again(&mut self) {
        self.missed = None;
        self.watched.cache.reset();
        for (number, target) in targets(&self.subscribers) {
            if self.denied.is_empty()
                && let Some(subscriber) = self.subscribers.get(&number)
            {
                subscriber.targets.follow(&target);
            }
            self.again((number, target)).await;
        }
    }

    /// Names all namespaces to every subscriber. Returns the version of the list.
    async fn list(&mut self) -> Result<String> {
        self.enter_all();
        // Older lists may miss changes from before the watch.
        if self.subscribers.values().any(|it| !it.synced) {
            self.watched.cache.reset();
        }
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
        for subscriber in self.subscribers.values_mut().filter(|it| !it.synced) {
            subscriber.synced = true;
            subscriber.feed.send(Sighting::Synced).await;
        }
        Ok(version.unwrap_or_default())
    }

    async fn see(&mut self, subject: &Subject, event: Event) {
        match (subject, event) {
            (subject, Event::Resumed) => {
                self.denied.remove(subject);
                self.missed.get_or_insert_with(|| Instant::now() + TOGETHER);
            }
            (subject, Event::Denied(error)) => self.deny(subject, &error),
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
            (Subject::Secrets(name), event) => {
                let is_changed = |it: &Subscriber, target: &Target| {
                    it.choice.secret == *name && it.targets.secret_event(target, &event)
                };
                self.publish(event.namespace(), is_changed).await;
            }
            (Subject::Accounts(name), event) => {
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
        for Subscriber { choice, targets, feed, wanted, synced, .. } in self.subscribers.values_mut() {
            let Some(target) = choice.target(&place) else {
                if wanted.remove(&place.name) {
                    targets.unfollow(&choice.at(&place.name));
                    feed.send(Sighting::Gone(choice.at(&place.name))).await;
                }
                continue;
            };
            if wanted.insert(place.name.clone()) || is_another {
                if self.denied.is_empty() {
                    targets.follow(&target);
                }
                if *synced {
                    targets.invalidate(&target);
                }
                feed.send(Sighting::Present(target)).await;
            }
        }
    }

    async fn gone(&mut self, namespace: &str) {
        self.there.remove(namespace);
        for Subscriber { choice, targets, feed, wanted, .. } in self.subscribers.values_mut() {
            if let Some(namespace) = wanted.take(namespace) {
                targets.unfollow(&choice.at(&namespace));
                feed.send(Sighting::Gone(choice.at(&namespace))).await;
            }
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
        let subscriber = self.subscribers.get(&number).filter(|it| it.wanted.contains(&target.namespace));
        if let Some(subscriber) = subscriber {
            subscriber.feed.send(Sighting::Again(target)).await;
        }
    }
}

/// All targets, each with the number of its subscriber.
fn targets(subscribers: &BTreeMap<u64, Subscriber>) -> Vec<(u64, Target)> {
    let of = |(number, subscriber): (&u64, &Subscriber)| {
        let wanted = subscriber.wanted.iter().map(|it| (*number, subscriber.choice.at(it)));
        let mut wanted = wanted.collect::<Vec<_>>();
        wanted.sort();
        wanted
    };
    subscribers.iter().flat_map(of).collect()
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
