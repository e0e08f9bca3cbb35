//! Targets in namespaces that the config names. Each object is watched by its name, so that RBAC rules by name are enough.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use k8s_openapi::api::core::v1::{Namespace as NamespaceObject, Secret, ServiceAccount};
use regcred_core::{Error, Feed, Namespace, Result, Sighting, Target, TargetSource};
use tokio::sync::mpsc;
use tracing::warn;

use crate::{
    cache::Targets,
    cluster::Cluster,
    resync::Resync,
    sink::OpenShiftSink,
    watch::{Event, Outlet, Watch},
};

/// Number of events that wait before the server does.
const WAITING: usize = 16;

/// Targets at fixed addresses, and the watches that report their changes.
#[derive(Clone)]
pub struct NamedSource {
    cluster: Cluster,
    targets: Vec<Target>,
    /// What is known of them, for the sink that writes them.
    cache: Arc<Targets>,
    resync: Duration,
    with_users: bool,
}

/// An object that is watched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Secret(Target),
    Account(Target, String),
    Namespace(Namespace),
}

impl NamedSource {
    /// Each of these targets, whose Secret is watched by its name. `sink`: the sink that writes them. `resync`: how often each target is
    /// named again of which something is not watched.
    pub fn new(cluster: &Cluster, targets: Vec<Target>, sink: &OpenShiftSink, resync: Duration) -> Self {
        Self { cluster: cluster.clone(), targets, cache: sink.targets().clone(), resync, with_users: false }
    }

    /// Watches the namespace and the ServiceAccounts of each target too.
    #[must_use]
    pub fn with_namespaces_and_accounts(self) -> Self {
        Self { with_users: true, ..self }
    }

    /// What is watched, each with the targets that it is about.
    fn subjects(&self) -> BTreeMap<Subject, Vec<Target>> {
        let accounts = self.cache.accounts();
        let mut subjects = BTreeMap::<_, Vec<_>>::new();
        for target in &self.targets {
            let mut about = vec![Subject::Secret(target.clone())];
            if self.with_users {
                about.extend(accounts.iter().map(|account| Subject::Account(target.clone(), account.clone())));
                about.push(Subject::Namespace(target.namespace.clone()));
            }
            for subject in about {
                subjects.entry(subject).or_default().push(target.clone());
            }
        }
        subjects
    }

    fn watch_of(&self, subject: &Subject) -> Watch {
        let client = self.cluster.client();
        match subject {
            Subject::Secret(Target { namespace, name, .. }) => {
                Watch::new::<Secret>(client, "secrets", Some(namespace), Some(name.as_str()))
            }
            Subject::Account(Target { namespace, .. }, account) => {
                Watch::new::<ServiceAccount>(client, "serviceaccounts", Some(namespace), Some(account)).whole()
            }
            Subject::Namespace(name) => Watch::new::<NamespaceObject>(client, "namespaces", None, Some(name.as_str())),
        }
    }

    /// Takes an event. Returns whether a target needs another look.
    fn concerns(&self, subject: &Subject, event: &Event, target: &Target) -> bool {
        match subject {
            Subject::Secret(_) => self.cache.secret_event(target, event),
            Subject::Account(_, name) => self.cache.account_event(target, name, event),
            // A namespace that is only labelled stays the same.
            Subject::Namespace(_) if matches!(event, Event::Made(_) | Event::Gone(_)) => {
                self.cache.invalidate(target);
                true
            }
            Subject::Namespace(_) => false,
        }
    }
}

#[async_trait]
impl TargetSource for NamedSource {
    async fn watch(&self, feed: Feed) -> Result<()> {
        let subjects = self.subjects();
        let (into, mut events) = mpsc::channel(WAITING);
        let mut coverage = Coverage::new(self, &subjects);
        let mut watches = FuturesUnordered::new();
        // A watch begins before its target is read, so no change is missed.
        let begun = subjects.keys().map(async |subject| (subject, self.watch_of(subject).version().await));
        for (subject, version) in join_all(begun).await {
            if version.is_ok() {
                coverage.cover(subject);
            }
            watches.push(self.watch_of(subject).keep(version, Outlet { subject, into: into.clone() }));
        }
        self.targets.watch(feed.clone()).await?;
        let mut resync =
            Resync::new(self.resync, self.resync / u32::try_from(coverage.open().len().max(1)).unwrap_or(1));
        loop {
            tokio::select! {
                biased;
                Some((subject, event)) = events.recv() => {
                    let about = &subjects[subject];
                    match event {
                        Event::Resumed => {
                            coverage.cover(subject);
                            for target in about {
                                self.cache.invalidate(target);
                                feed.send(Sighting::Again(target.clone())).await;
                            }
                        }
                        Event::Denied(error) => coverage.deny(subject, &error),
                        event => {
                            for target in about.iter().filter(|target| self.concerns(subject, &event, target)) {
                                feed.send(Sighting::Present(target.clone())).await;
                            }
                        }
                    }
                }
                Some(()) = watches.next() => {}
                () = resync.tick() => {
                    if let Some(target) = resync.take(|| coverage.open()) {
                        feed.send(Sighting::Again(target.clone())).await;
                    }
                }
            }
        }
    }
}

/// The targets that are watched as a whole. The others are read at intervals.
struct Coverage<'a> {
    source: &'a NamedSource,
    subjects: &'a BTreeMap<Subject, Vec<Target>>,
    /// What is not watched.
    missing: BTreeSet<&'a Subject>,
    has_warned: bool,
}

impl<'a> Coverage<'a> {
    fn new(source: &'a NamedSource, subjects: &'a BTreeMap<Subject, Vec<Target>>) -> Self {
        Self { source, subjects, missing: subjects.keys().collect(), has_warned: false }
    }

    fn cover(&mut self, subject: &Subject) {
        self.missing.remove(subject);
        self.subjects[subject].iter().filter(|it| self.covers(it)).for_each(|it| self.source.cache.follow(it));
    }

    fn deny(&mut self, subject: &'a Subject, error: &Error) {
        if !std::mem::replace(&mut self.has_warned, true) {
            let minutes = self.source.resync.as_secs() / 60;
            warn!(error = error.chain(), minutes, "cannot watch, so reads each target once in so many minutes");
        }
        self.missing.insert(subject);
        self.subjects[subject].iter().for_each(|target| self.source.cache.unfollow(target));
    }

    /// Whether a target is watched as a whole.
    fn covers(&self, target: &Target) -> bool {
        self.source.with_users && !self.missing.iter().any(|subject| self.subjects[*subject].contains(target))
    }

    fn open(&self) -> Vec<&'a Target> {
        self.source.targets.iter().filter(|target| !self.covers(target)).collect()
    }
}

impl Drop for Coverage<'_> {
    fn drop(&mut self) {
        self.source.targets.iter().for_each(|target| self.source.cache.unfollow(target));
    }
}

impl fmt::Debug for NamedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedSource")
            .field("cluster", &self.cluster)
            .field("targets", &self.targets)
            .field("resync", &self.resync)
            .field("with_users", &self.with_users)
            .finish_non_exhaustive()
    }
}
