//! The targets that namespaces of a cluster make, as the cluster changes: a namespace that is made or labelled, a Secret of ours
//! that somebody touches, a ServiceAccount that appears.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt, stream::FuturesUnordered};
use k8s_openapi::{
    api::core::v1::{Namespace as Object, Secret, ServiceAccount},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::Api;
use regcred_core::{Error, ErrorKind, Feed, Namespace, Result, SecretName, Sighting, StoreName, Target, TargetSource};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tracing::warn;

use crate::{
    cluster::Cluster,
    follow::{Followed, Seen},
    metadata::latest_writer,
    record::LAST_APPLIED,
    sink::OpenShiftSink,
};

/// So many changes wait before the server does.
const WAITING: usize = 1024;

/// Whether a namespace with this name and these labels is wanted.
type Takes = dyn Fn(&str, &BTreeMap<String, String>) -> bool + Send + Sync;

/// One Secret in each namespace that is wanted, watched together with who uses it. Needs the right to list and watch
/// namespaces; where Secrets or ServiceAccounts may not be watched, each target is named again once in a while.
#[derive(Clone)]
pub struct WatchedSource {
    cluster: Cluster,
    store: StoreName,
    secret: SecretName,
    takes: Arc<Takes>,
    sink: Arc<OpenShiftSink>,
    resync: Duration,
}

/// What one of the watches saw.
enum Message {
    Namespace(Seen),
    Secret(Seen),
    Account(Seen),
}

/// What is known of the namespaces.
struct State<'a> {
    source: &'a WatchedSource,
    feed: &'a Feed,
    /// By name the uid: one that was made anew is another one.
    wanted: HashMap<String, (Target, String)>,
    /// Once everything was named, a Secret or an account that changes is worth a look.
    synced: bool,
}

impl WatchedSource {
    /// The Secret of this name in every namespace of the cluster that `takes` says yes to, but that which regcred itself runs in, at
    /// addresses of this store. `sink`: whoever keeps them, which knows what it has written itself. `resync`: how often each target is
    /// named again where it cannot be watched.
    pub fn new(
        cluster: &Cluster,
        store: StoreName,
        secret: SecretName,
        takes: impl Fn(&str, &BTreeMap<String, String>) -> bool + Send + Sync + 'static,
        sink: Arc<OpenShiftSink>,
        resync: Duration,
    ) -> Self {
        Self { cluster: cluster.clone(), store, secret, takes: Arc::new(takes), sink, resync }
    }

    /// Of a namespace that is wanted.
    fn target(&self, metadata: &ObjectMeta) -> Option<Target> {
        let name = metadata.name.as_deref()?;
        let is_own = self.cluster.own_namespace() == Some(name);
        let empty = BTreeMap::new();
        let wanted = !is_own
            && metadata.deletion_timestamp.is_none()
            && (self.takes)(name, metadata.labels.as_ref().unwrap_or(&empty));
        let namespace = wanted.then(|| Namespace::new(name).ok()).flatten()?;
        Some(Target { store: self.store.clone(), namespace, name: self.secret.clone() })
    }
}

#[async_trait]
impl TargetSource for WatchedSource {
    async fn watch(&self, feed: Feed) -> Result<()> {
        let (sender, mut messages) = mpsc::channel(WAITING);
        let client = self.cluster.client();
        let namespaces =
            Followed { api: Api::<Object>::all(client.clone()), resource: "namespaces", name: None, reduce: bare };
        let mut namespaces = Box::pin(namespaces.follow(Message::Namespace, sender.clone()));
        let mut others = FuturesUnordered::new();
        let secrets = Followed {
            api: Api::<Secret>::all(client.clone()),
            resource: "secrets",
            name: Some(self.secret.to_string()),
            reduce: without_copies,
        };
        let secrets: futures::future::BoxFuture<'_, Error> = Box::pin(secrets.follow(Message::Secret, sender.clone()));
        others.push(secrets);
        let accounts = self.sink.accounts();
        for account in &accounts {
            let followed = Followed {
                api: Api::<ServiceAccount>::all(client.clone()),
                resource: "serviceaccounts",
                name: Some(account.clone()),
                reduce: without_copies,
            };
            others.push(Box::pin(followed.follow(Message::Account, sender.clone())));
        }
        let mut state = State { source: self, feed: &feed, wanted: HashMap::new(), synced: false };
        // Only where something may not be watched.
        let (mut again, mut round) = (None, VecDeque::new());
        loop {
            tokio::select! {
                biased;
                Some(message) = messages.recv() => state.see(message).await,
                error = &mut namespaces => return Err(error),
                Some(error) = others.next() => {
                    if error.kind() != ErrorKind::Denied {
                        return Err(error);
                    }
                    if again.is_none() {
                        let minutes = self.resync.as_secs() / 60;
                        warn!(error = error.chain(), minutes, "what changes cannot be watched, so each target is looked at once in so many minutes");
                        again = Some(Instant::now() + self.resync);
                    }
                }
                () = at(again), if again.is_some() => {
                    let target = round.pop_front().or_else(|| {
                        round.extend(state.wanted.values().map(|(target, _)| target.clone()));
                        round.pop_front()
                    });
                    let count = u32::try_from(state.wanted.len().max(1)).unwrap_or(u32::MAX);
                    again = Some(Instant::now() + self.resync / count);
                    if let Some(target) = target.filter(|it| state.wanted.contains_key(it.namespace.as_str())) {
                        feed.send(Sighting::Present(target)).await;
                    }
                }
            }
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

impl State<'_> {
    async fn see(&mut self, message: Message) {
        match message {
            Message::Namespace(Seen::There { metadata, .. }) => self.namespace(&metadata).await,
            Message::Namespace(Seen::Gone { name, .. }) => self.forget(&name).await,
            Message::Namespace(Seen::Synced) => {
                self.synced = true;
                self.feed.send(Sighting::Synced).await;
            }
            Message::Secret(Seen::There { metadata, .. }) => {
                // What we wrote ourselves is as we left it.
                let namespace = metadata.namespace.clone().unwrap_or_default();
                if let Some(target) = self.target(&namespace)
                    && !self.source.sink.is_as_it_was_left(&metadata, target)
                {
                    self.wake(&namespace).await;
                }
            }
            Message::Secret(Seen::Gone { namespace, .. }) => self.wake(&namespace).await,
            Message::Account(Seen::There { metadata, is_first }) => {
                let is_ours = latest_writer(&metadata).is_some_and(|it| self.source.sink.is_us(it));
                if !is_first && !is_ours {
                    self.wake(metadata.namespace.as_deref().unwrap_or_default()).await;
                }
            }
            // Nothing is linked to it any more, and nothing can be.
            Message::Account(Seen::Gone { .. } | Seen::Synced) | Message::Secret(Seen::Synced) => {}
        }
    }

    async fn namespace(&mut self, metadata: &ObjectMeta) {
        let (name, uid) = (metadata.name.clone().unwrap_or_default(), metadata.uid.clone().unwrap_or_default());
        let Some(target) = self.source.target(metadata) else { return self.forget(&name).await };
        let before = self.wanted.insert(name, (target.clone(), uid.clone()));
        if before.is_none_or(|(_, before)| before != uid) {
            if self.synced {
                self.source.sink.read_anew(&target).await;
            }
            self.feed.send(Sighting::Present(target)).await;
        }
    }

    async fn forget(&mut self, name: &str) {
        if let Some((target, _)) = self.wanted.remove(name) {
            self.feed.send(Sighting::Gone(target)).await;
        }
    }

    fn target(&self, namespace: &str) -> Option<&Target> {
        self.wanted.get(namespace).map(|(target, _)| target)
    }

    async fn wake(&self, namespace: &str) {
        if let Some(target) = self.target(namespace).filter(|_| self.synced) {
            self.source.sink.read_anew(target).await;
            self.feed.send(Sighting::Present(target.clone())).await;
        }
    }
}

/// Of a namespace its labels tell all.
fn bare(metadata: ObjectMeta) -> ObjectMeta {
    ObjectMeta { annotations: None, managed_fields: None, ..metadata }
}

/// `kubectl apply` leaves a copy of what it was given, which may be a token.
fn without_copies(mut metadata: ObjectMeta) -> ObjectMeta {
    if let Some(annotations) = &mut metadata.annotations {
        annotations.get_mut(LAST_APPLIED).into_iter().for_each(String::clear);
    }
    metadata
}

impl fmt::Debug for WatchedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, secret, resync, .. } = self;
        f.debug_struct("WatchedSource")
            .field("store", store)
            .field("secret", secret)
            .field("resync", resync)
            .finish_non_exhaustive()
    }
}
