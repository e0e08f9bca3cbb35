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
use regcred_core::{Error, ErrorKind, Feed, Result, Sighting, Target, TargetSource};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use tracing::warn;

use crate::{
    cluster::Cluster,
    follow::{Followed, GRANTED, Seen},
    sink::OpenShiftSink,
};

/// So many changes wait before the server does.
const WAITING: usize = 16;

/// Targets at fixed addresses, and the watches that report their changes.
#[derive(Clone)]
pub struct NamedSource {
    cluster: Cluster,
    targets: Vec<Target>,
    sink: Arc<OpenShiftSink>,
    resync: Duration,
    with_users: bool,
}

/// An object that is watched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Secret(Target),
    Account(Target, String),
    Namespace(String),
}

/// What a watch reports.
enum Event {
    /// From now on it reports changes. Changes before that may have been missed.
    Resumed,
    /// RBAC does not allow it.
    Denied(Error),
    Seen(Seen),
}

impl NamedSource {
    /// Each of these targets, whose Secret is watched by its name. `sink`: the sink that writes them, which recognises its own writes.
    /// `resync`: how often each target is named again of which something is not watched.
    pub fn new(cluster: &Cluster, targets: Vec<Target>, sink: Arc<OpenShiftSink>, resync: Duration) -> Self {
        Self { cluster: cluster.clone(), targets, sink, resync, with_users: false }
    }

    /// Watches the namespace and the ServiceAccounts of each target too.
    #[must_use]
    pub fn with_namespaces_and_accounts(self) -> Self {
        Self { with_users: true, ..self }
    }

    /// What is watched, each with the targets that it is about.
    fn subjects(&self) -> BTreeMap<Subject, Vec<Target>> {
        let accounts = self.sink.accounts();
        let mut subjects = BTreeMap::<_, Vec<_>>::new();
        for target in &self.targets {
            let mut about = vec![Subject::Secret(target.clone())];
            if self.with_users {
                about.extend(accounts.iter().map(|account| Subject::Account(target.clone(), account.clone())));
                about.push(Subject::Namespace(target.group().to_owned()));
            }
            for subject in about {
                subjects.entry(subject).or_default().push(target.clone());
            }
        }
        subjects
    }

    fn follow(&self, subject: &Subject) -> Followed {
        let client = self.cluster.client();
        match subject {
            Subject::Secret(target) => {
                Followed::new::<Secret>(client, "secrets", Some(target.group()), Some(target.name()))
            }
            Subject::Account(target, account) => {
                Followed::new::<ServiceAccount>(client, "serviceaccounts", Some(target.group()), Some(account)).whole()
            }
            Subject::Namespace(name) => {
                Followed::new::<NamespaceObject>(client, "namespaces", None, Some(name.as_str()))
            }
        }
    }

    /// Whether an event means that a target needs another look.
    fn concerns(&self, subject: &Subject, seen: Seen, target: &Target) -> bool {
        match (subject, seen) {
            // A namespace that is only labelled stays the same.
            (_, Seen::Begun) | (Subject::Namespace(_), Seen::Written(_)) => false,
            (Subject::Secret(_), Seen::Made(object) | Seen::Written(object)) => {
                !object.is_readable || !self.sink.is_secret_as_left(&object.metadata, target)
            }
            (Subject::Account(_, name), Seen::Written(object)) => {
                !object.into_account().is_some_and(|account| self.sink.is_account_as_left(&account, name, target))
            }
            (Subject::Secret(_) | Subject::Namespace(_), Seen::Gone(_))
            | (Subject::Account(..) | Subject::Namespace(_), Seen::Made(_)) => true,
            // Nothing can be linked to it any more.
            (Subject::Account(..), Seen::Gone(_)) => {
                self.sink.was_touched(target);
                false
            }
        }
    }
}

#[async_trait]
impl TargetSource for NamedSource {
    async fn watch(&self, feed: Feed) -> Result<()> {
        let subjects = self.subjects();
        let (sender, mut events) = mpsc::channel(WAITING);
        let mut coverage = Coverage::new(self, &subjects);
        let mut watches = FuturesUnordered::new();
        // A watch begins before its target is read, so no change is missed.
        let begun = join_all(subjects.keys().map(async |subject| {
            let followed = self.follow(subject);
            (subject, followed.version().await, followed)
        }));
        for (subject, version, followed) in begun.await {
            if version.is_ok() {
                coverage.cover(subject);
            }
            watches.push(keep(subject.clone(), followed, version, sender.clone()));
        }
        self.targets.watch(feed.clone()).await?;
        let (mut next, mut turn) = (Instant::now() + coverage.pace(), 0);
        loop {
            tokio::select! {
                biased;
                Some((subject, event)) = events.recv() => {
                    let about = &subjects[&subject];
                    match event {
                        Event::Resumed => {
                            coverage.cover(&subject);
                            for target in about {
                                self.sink.was_touched(target);
                                feed.send(Sighting::Again(target.clone())).await;
                            }
                        }
                        Event::Denied(error) => coverage.deny(&subject, &error),
                        Event::Seen(seen) => {
                            for target in about.iter().filter(|target| self.concerns(&subject, seen.clone(), target)) {
                                self.sink.was_touched(target);
                                feed.send(Sighting::Present(target.clone())).await;
                            }
                        }
                    }
                }
                Some(()) = watches.next() => {}
                () = sleep_until(next) => {
                    if let Some(target) = coverage.uncovered(turn) {
                        feed.send(Sighting::Again(target.clone())).await;
                    }
                    turn += 1;
                    next = Instant::now() + coverage.pace();
                }
            }
        }
    }
}

/// Watches one object for ever. `version`: where to begin, if it could be read.
async fn keep(subject: Subject, followed: Followed, version: Result<String>, into: mpsc::Sender<(Subject, Event)>) {
    let (mut version, mut failures, mut is_first) = (Some(version), 0, true);
    loop {
        let from = match version.take() {
            Some(version) => version,
            None => followed.version().await,
        };
        let denied = match from {
            Ok(from) => {
                failures = 0;
                if !std::mem::take(&mut is_first) {
                    into.send((subject.clone(), Event::Resumed)).await.ok();
                }
                followed.follow(from, |seen| (subject.clone(), Event::Seen(seen)), &into).await
            }
            Err(error) if error.kind() == ErrorKind::Denied => Some(error),
            Err(error) => {
                failures += 1;
                followed.wait(&error, failures).await;
                None
            }
        };
        is_first = false;
        if let Some(error) = denied {
            into.send((subject.clone(), Event::Denied(error))).await.ok();
            sleep(GRANTED).await;
        }
    }
}

/// Which targets are watched as a whole. The others are read again and again.
struct Coverage<'a> {
    source: &'a NamedSource,
    subjects: &'a BTreeMap<Subject, Vec<Target>>,
    /// What is not watched, of each target.
    missing: BTreeMap<&'a Target, BTreeSet<Subject>>,
    has_warned: bool,
}

impl<'a> Coverage<'a> {
    fn new(source: &'a NamedSource, subjects: &'a BTreeMap<Subject, Vec<Target>>) -> Self {
        let mut missing = BTreeMap::<_, BTreeSet<_>>::new();
        for (subject, targets) in subjects {
            for target in targets {
                missing.entry(target).or_default().insert(subject.clone());
            }
        }
        Self { source, subjects, missing, has_warned: false }
    }

    fn cover(&mut self, subject: &Subject) {
        for target in &self.subjects[subject] {
            let missing = self.missing.entry(target).or_default();
            missing.remove(subject);
            if missing.is_empty() && self.source.with_users {
                self.source.sink.untouched().follow(target);
            }
        }
    }

    fn deny(&mut self, subject: &Subject, error: &Error) {
        if !std::mem::replace(&mut self.has_warned, true) {
            let minutes = self.source.resync.as_secs() / 60;
            warn!(error = error.chain(), minutes, "cannot watch, so reads each target once in so many minutes");
        }
        for target in &self.subjects[subject] {
            self.missing.entry(target).or_default().insert(subject.clone());
            self.source.sink.untouched().unfollow(target);
        }
    }

    /// The targets that are not watched as a whole, in turn.
    fn uncovered(&self, turn: usize) -> Option<&'a Target> {
        let open = self.open().collect::<Vec<_>>();
        open.get(turn % open.len().max(1)).copied()
    }

    fn open(&self) -> impl Iterator<Item = &'a Target> {
        let is_open = |missing: &BTreeSet<Subject>| !missing.is_empty() || !self.source.with_users;
        self.missing.iter().filter(move |(_, missing)| is_open(missing)).map(|(target, _)| *target)
    }

    /// From one of them to the next.
    fn pace(&self) -> Duration {
        let count = u32::try_from(self.open().count().max(1)).unwrap_or(u32::MAX);
        self.source.resync / count
    }
}

impl Drop for Coverage<'_> {
    fn drop(&mut self) {
        self.source.targets.iter().for_each(|target| self.source.sink.untouched().unfollow(target));
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
