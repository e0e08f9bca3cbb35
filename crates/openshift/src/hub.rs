//! The task that watches a cluster, and tells its members what that means for them.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    future::pending,
    sync::Arc,
    time::Duration,
};

use futures::{
    StreamExt,
    future::{BoxFuture, join_all},
    stream::FuturesUnordered,
};
use k8s_openapi::{
    api::core::v1::{Namespace as NamespaceObject, Secret, ServiceAccount},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use regcred_core::{Error, ErrorKind, Namespace, Result, SecretName, Sighting, Target};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use tracing::warn;

use crate::{
    follow::{Followed, GRANTED, Seen},
    namespace::{self, Place},
    subscriber::{Entry, Member, Watched},
};

/// So many changes wait before the server does. Each is bounded, and can still be large.
const WAITING: usize = 16;
/// Watches that are too old are too old together: everything is looked at once for all of them.
const TOGETHER: Duration = Duration::from_secs(1);
/// What was listed and nobody asked for is dropped after so long.
const TIDY: Duration = Duration::from_mins(6);

/// What is followed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Namespaces,
    Secrets(SecretName),
    Accounts(String),
}

type Message = (Subject, Seen);

/// Its members come and go while it runs.
pub(crate) struct Hub {
    watches: Arc<Watched>,
    entries: mpsc::UnboundedReceiver<Entry>,
    members: BTreeMap<u64, Member>,
    /// The namespaces, each with its uid: one that was made anew is another one.
    there: HashMap<Namespace, String>,
    /// What may not be watched.
    unseen: HashSet<Subject>,
    round: Round,
    /// When everything is looked at once more, as something may have been missed; `None`: nothing was.
    missed: Option<Instant>,
}

/// Each target once in a while, where not all that changes is seen.
#[derive(Default)]
struct Round {
    /// `None`: there is no need.
    next: Option<Instant>,
    left: VecDeque<(u64, Target)>,
    pace: Duration,
}

impl Hub {
    pub(crate) fn new(watches: Arc<Watched>, entries: mpsc::UnboundedReceiver<Entry>) -> Self {
        let (members, there, unseen) = (BTreeMap::new(), HashMap::new(), HashSet::new());
        Self { watches, entries, members, there, unseen, round: Round::default(), missed: None }
    }

    /// Goes on for ever. Fails if it cannot begin.
    pub(crate) async fn run(mut self) -> Result<()> {
        let (sender, mut messages) = mpsc::channel::<Message>(WAITING);
        let mut following = FuturesUnordered::new();
        // The watches begin before anything is read: what changes after it was read is seen.
        for (version, subject, followed) in join_all(self.subjects().into_iter().map(begin)).await {
            match version {
                Ok(version) => following.push(follow(subject, followed, version, sender.clone())),
                Err(error) if error.kind() == ErrorKind::Denied => {
                    self.may_not_see(&subject, &error);
                    following.push(begin_later(subject, followed));
                }
                Err(error) => return Err(error),
            }
        }
        let namespaces = Followed::new::<NamespaceObject>(self.watches.cluster.client(), "namespaces", None, None);
        let version = self.list().await?;
        following.push(follow(Subject::Namespaces, namespaces, version, sender.clone()));
        let mut tidy = Instant::now() + TIDY;
        loop {
            tokio::select! {
                biased;
                Some(entry) = self.entries.recv() => {
                    if self.enter(entry) && let Err(error) = self.list().await {
                        self.turn_away(&error);
                    }
                }
                Some((subject, seen)) = messages.recv() => self.see(&subject, seen).await,
                Some(ended) = following.next() => {
                    let again = match ended {
                        Ended::Touched { subject, followed, version } => {
                            if !self.unseen.contains(&subject) {
                                self.has_missed();
                            }
                            follow(subject, followed, version, sender.clone())
                        }
                        Ended::Denied { subject, followed, error } => {
                            self.may_not_see(&subject, &error);
                            begin_later(subject, followed)
                        }
                        Ended::Namespaces { followed, failures } => match self.list().await {
                            Ok(version) => follow(Subject::Namespaces, followed, version, sender.clone()),
                            Err(error) => later(followed, error, failures + 1),
                        },
                    };
                    following.push(again);
                }
                () = at(self.missed) => {
                    self.missed = None;
                    self.watches.bulk.reset();
                    for (number, target) in self.targets() {
                        if self.unseen.is_empty() && let Some(member) = self.members.get(&number) {
                            member.sink.untouched().follow(&target);
                        }
                        self.again((number, target)).await;
                    }
                }
                () = sleep_until(tidy) => {
                    tidy = Instant::now() + TIDY;
                    self.watches.bulk.tidy().await;
                }
                () = at(self.round.next) => {
                    if self.round.left.is_empty() {
                        self.round.left.extend(self.targets());
                        let count = self.round.left.len().max(1);
                        self.round.pace = self.watches.resync / u32::try_from(count).unwrap_or(u32::MAX);
                    }
                    self.round.next = Some(Instant::now() + self.round.pace);
                    if let Some(target) = self.round.left.pop_front() {
                        self.again(target).await;
                    }
                }
            }
        }
    }

    /// Has each target named again once in a while, from now on: not all that changes is seen.
    fn may_not_see(&mut self, subject: &Subject, error: &Error) {
        if self.unseen.is_empty() {
            let minutes = self.watches.resync.as_secs() / 60;
            warn!(
                error = error.chain(),
                minutes, "what changes cannot be watched, so each target is looked at once in so many minutes"
            );
            self.round = Round { next: Some(Instant::now() + self.watches.resync), ..Round::default() };
            self.members.values().for_each(Member::unfollow);
        }
        self.unseen.insert(subject.clone());
    }

    /// It may be watched by now. Once all of it is, what happens is told as it happens.
    fn sees(&mut self, subject: &Subject) {
        if self.unseen.remove(subject) {
            self.has_missed();
            if self.unseen.is_empty() {
                self.round = Round::default();
            }
        }
    }

    fn has_missed(&mut self) {
        self.missed.get_or_insert_with(|| Instant::now() + TOGETHER);
    }

    /// What somebody may touch, so that a target deserves another look.
    fn subjects(&self) -> Vec<(Subject, Followed)> {
        let client = self.watches.cluster.client();
        let secret = |name: &SecretName| {
            let followed = Followed::new::<Secret>(client, "secrets", None, Some(name.as_str()));
            (Subject::Secrets(name.clone()), followed.keeping(self.watches.bulk.kept()))
        };
        let account = |name: &String| {
            let followed = Followed::new::<ServiceAccount>(client, "serviceaccounts", None, Some(name)).whole();
            (Subject::Accounts(name.clone()), followed)
        };
        self.watches.secrets.iter().map(secret).chain(self.watches.accounts.iter().map(account)).collect()
    }

    /// Whether somebody has come who knows nothing yet.
    fn enter(&mut self, entry: Entry) -> bool {
        match entry {
            Entry::Join(number, member) => drop(self.members.insert(number, *member)),
            Entry::Leave(number) => drop(self.members.remove(&number)),
        }
        self.members.values().any(|member| !member.synced)
    }

    /// Who came later and could not be told of everything has to come again; nobody else is concerned.
    fn turn_away(&mut self, error: &Error) {
        for (_, mut member) in self.members.extract_if(.., |_, member| !member.synced) {
            member.failed.take().map(|failed| failed.send(error.clone()));
        }
    }

    /// Has everybody told of all namespaces as they are now; the version of the cluster that this is.
    async fn list(&mut self) -> Result<String> {
        while let Ok(entry) = self.entries.try_recv() {
            self.enter(entry);
        }
        // What was listed before somebody watched may have changed unseen.
        if self.members.values().any(|member| !member.synced) {
            self.watches.bulk.reset();
        }
        let mut absent = self.there.keys().cloned().collect::<HashSet<_>>();
        let (mut next, mut version) = (None, None);
        loop {
            let cluster = &self.watches.cluster;
            let page = namespace::page(cluster.client(), cluster.own_namespace(), next).await?;
            for place in page.items {
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
        for member in self.members.values_mut().filter(|member| !member.synced) {
            member.synced = true;
            member.feed.send(Sighting::Synced).await;
        }
        Ok(version.unwrap_or_default())
    }

    async fn see(&mut self, subject: &Subject, seen: Seen) {
        match (subject, seen) {
            (subject, Seen::Begun) => self.sees(subject),
            (Subject::Namespaces, Seen::Made(object) | Seen::Written(object)) => {
                let name = object.metadata.name.clone().unwrap_or_default();
                match Place::read(object.metadata, self.watches.cluster.own_namespace()) {
                    Some(place) => self.there(place).await,
                    None => self.gone(&name).await,
                }
            }
            (Subject::Namespaces, Seen::Gone(object)) => {
                self.gone(object.metadata.name.as_deref().unwrap_or_default()).await;
            }
            (Subject::Secrets(name), Seen::Made(object) | Seen::Written(object)) => {
                // What we wrote ourselves is as we left it.
                let touched = |member: &Member, target: &Target| {
                    let is_left = object.is_readable && member.sink.is_secret_as_left(&object.metadata, target);
                    member.choice.secret == *name && !is_left
                };
                self.wake(&object.metadata, touched).await;
            }
            (Subject::Secrets(name), Seen::Gone(object)) => {
                self.wake(&object.metadata, |member, _| member.choice.secret == *name).await;
            }
            // Somebody may wait for it.
            (Subject::Accounts(name), Seen::Made(object)) => {
                self.wake(&object.metadata, |member, _| member.accounts.contains(name)).await;
            }
            (Subject::Accounts(name), Seen::Written(object)) => {
                let (metadata, account) = (object.metadata.clone(), object.into_account());
                let touched = |member: &Member, target: &Target| {
                    let as_left = |account| member.sink.is_account_as_left(account, name, target);
                    member.accounts.contains(name) && !account.as_ref().is_some_and(as_left)
                };
                self.wake(&metadata, touched).await;
            }
            // Nothing is linked to it any more, and nothing can be: the next look is soon enough.
            (Subject::Accounts(name), Seen::Gone(object)) => {
                let has_to_do = |member: &Member, _: &Target| member.accounts.contains(name);
                self.touched(&object.metadata, has_to_do).for_each(|(member, target)| member.sink.was_touched(&target));
            }
        }
    }

    async fn there(&mut self, place: Place) {
        let before = self.there.insert(place.name.clone(), place.uid.clone());
        let is_another = before.is_none_or(|before| before != place.uid);
        for member in self.members.values_mut() {
            let Member { choice, sink, feed, wanted, synced, .. } = member;
            let Some(target) = choice.target(&place) else {
                if wanted.remove(&place.name) {
                    sink.untouched().unfollow(&choice.at(&place.name));
                    feed.send(Sighting::Gone(choice.at(&place.name))).await;
                }
                continue;
            };
            if wanted.insert(place.name.clone()) || is_another {
                if self.unseen.is_empty() {
                    sink.untouched().follow(&target);
                }
                if *synced {
                    sink.was_touched(&target);
                }
                feed.send(Sighting::Present(target)).await;
            }
        }
    }

    async fn gone(&mut self, namespace: &str) {
        self.there.remove(namespace);
        for Member { choice, sink, feed, wanted, .. } in self.members.values_mut() {
            if let Some(namespace) = wanted.take(namespace) {
                sink.untouched().unfollow(&choice.at(&namespace));
                feed.send(Sighting::Gone(choice.at(&namespace))).await;
            }
        }
    }

    /// Has the targets that were touched looked at.
    async fn wake(&self, metadata: &ObjectMeta, is_touched: impl Fn(&Member, &Target) -> bool) {
        for (member, target) in self.touched(metadata, is_touched) {
            member.sink.was_touched(&target);
            member.feed.send(Sighting::Present(target)).await;
        }
    }

    /// The targets in the namespace of an object that have to do with it.
    fn touched(
        &self,
        metadata: &ObjectMeta,
        is_touched: impl Fn(&Member, &Target) -> bool,
    ) -> impl Iterator<Item = (&Member, Target)> {
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        self.members.values().filter(|member| member.synced).filter_map(move |member| {
            let target = member.choice.at(member.wanted.get(namespace)?);
            is_touched(member, &target).then_some((member, target))
        })
    }

    /// All of them, each with whose it is.
    fn targets(&self) -> Vec<(u64, Target)> {
        let of = |(number, member): (&u64, &Member)| {
            let mut wanted = member.wanted.iter().map(|it| (*number, member.choice.at(it))).collect::<Vec<_>>();
            wanted.sort();
            wanted
        };
        self.members.iter().flat_map(of).collect()
    }

    async fn again(&self, (number, target): (u64, Target)) {
        let member = self.members.get(&number).filter(|it| it.wanted.contains(target.group()));
        if let Some(member) = member {
            member.feed.send(Sighting::Again(target)).await;
        }
    }
}

async fn begin((subject, followed): (Subject, Followed)) -> (Result<String>, Subject, Followed) {
    (followed.version().await, subject, followed)
}

/// How following comes to an end: the server does not know any more what has changed.
enum Ended {
    /// From here it can be followed again; whatever happened before may have been missed.
    Touched { subject: Subject, followed: Followed, version: String },
    /// It may not be followed.
    Denied { subject: Subject, followed: Followed, error: Error },
    /// Everybody has to be told anew, which has failed so often in a row.
    Namespaces { followed: Followed, failures: u32 },
}

/// Until something may have been missed. Who waits for a server that is down does so in here, and holds nobody else up.
fn follow(
    subject: Subject,
    followed: Followed,
    version: String,
    into: mpsc::Sender<Message>,
) -> BoxFuture<'static, Ended> {
    Box::pin(async move {
        let denied = followed.follow(version, |seen| (subject.clone(), seen), &into).await;
        match (subject, denied) {
            (Subject::Namespaces, Some(error)) => later(followed, error, 1).await,
            (Subject::Namespaces, None) => Ended::Namespaces { followed, failures: 0 },
            (subject, Some(error)) => Ended::Denied { subject, followed, error },
            (subject, None) => begin_again(subject, followed).await,
        }
    })
}

/// As soon as the server says from where.
async fn begin_again(subject: Subject, followed: Followed) -> Ended {
    let mut failures = 0;
    loop {
        match followed.version().await {
            Ok(version) => return Ended::Touched { subject, followed, version },
            Err(error) if error.kind() == ErrorKind::Denied => return Ended::Denied { subject, followed, error },
            Err(error) => {
                failures += 1;
                followed.wait(&error, failures).await;
            }
        }
    }
}

/// What may not be followed may be once somebody grants it.
fn begin_later(subject: Subject, followed: Followed) -> BoxFuture<'static, Ended> {
    Box::pin(async move {
        sleep(GRANTED).await;
        begin_again(subject, followed).await
    })
}

/// Namespaces could not be listed anew.
fn later(followed: Followed, error: Error, failures: u32) -> BoxFuture<'static, Ended> {
    Box::pin(async move {
        followed.wait(&error, failures).await;
        Ended::Namespaces { followed, failures }
    })
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
