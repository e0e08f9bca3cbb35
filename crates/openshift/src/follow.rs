//! What changes in a cluster, however often the server ends the watch that tells of it.

use std::{collections::HashMap, pin::pin, time::Duration};

use futures::StreamExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    Api, Resource,
    api::{ListParams, WatchParams},
    core::WatchEvent,
};
use regcred_core::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;
use tokio::{
    sync::mpsc::Sender,
    time::{sleep, timeout},
};
use tracing::{debug, instrument::WithSubscriber, subscriber::NoSubscriber, warn};

use crate::{
    error::{Doing, translate},
    pages::listing,
    store::{PAGE, limited, unheard},
};

/// The server ends a watch after so long, and says nothing for no longer.
const LONGEST: u32 = 240;
/// A connection that died without a word is noticed so much later.
const SILENCE: Duration = Duration::from_secs(LONGEST as u64 + 20);
/// After a failure; times two for each that follows, with a random part: many watches end together.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// What a watch saw. Objects of one kind are named by namespace and name; the namespace of a namespace is empty.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// It is there, and is another one than before, or was written. `is_first`: it was there from the beginning.
    There { metadata: Box<ObjectMeta>, is_first: bool },
    /// It is there no more.
    Gone { namespace: String, name: String },
    /// Everything that is there has been named.
    Synced,
}

/// Objects of one kind that are followed by their metadata.
pub(crate) struct Followed<K> {
    pub(crate) api: Api<K>,
    pub(crate) resource: &'static str,
    /// Only those of this name.
    pub(crate) name: Option<String>,
    /// Leaves of the metadata what is needed, as soon as it arrives.
    pub(crate) reduce: fn(ObjectMeta) -> ObjectMeta,
}

type Key = (String, String);

/// How one watch ended.
enum End {
    /// Go on from this version.
    At(String),
    /// The server does not know any more what has changed: list again.
    TooOld,
    Failed(String, Error),
}

impl<K> Followed<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    /// Names all that is there, and then whatever changes. Returns only if it cannot begin; later failures are repeated here, and
    /// nothing is forgotten meanwhile. `wrap` makes of what was seen whatever the receiver takes.
    pub(crate) async fn follow<M>(self, wrap: impl Fn(Seen) -> M, into: Sender<M>) -> Error {
        let mut known = HashMap::new();
        let mut version = match self.list(&mut known, true, &wrap, &into).await {
            Ok(version) => version,
            Err(error) => return error,
        };
        into.send(wrap(Seen::Synced)).await.ok();
        let mut failures = 0;
        loop {
            let before = version.clone();
            let end = self.watch(&version, &mut known, &wrap, &into).await;
            let error = match end {
                End::At(next) => {
                    // A server that ends each watch at once is not asked without pause.
                    failures = if next == before { failures + 1 } else { 0 };
                    version = next;
                    None
                }
                End::TooOld => match self.list(&mut known, false, &wrap, &into).await {
                    Ok(next) => {
                        (version, failures) = (next, 0);
                        None
                    }
                    Err(error) => Some(error),
                },
                End::Failed(next, error) => {
                    version = next;
                    Some(error)
                }
            };
            let resource = self.resource;
            match &error {
                None if failures == 0 => continue,
                None => {}
                Some(error) => {
                    failures += 1;
                    let (kind, text) = (error.kind(), error.chain());
                    if failures == 1 {
                        warn!(resource, %kind, error = text, "a watch failed");
                    } else {
                        debug!(resource, %kind, error = text, failures, "a watch failed again");
                    }
                }
            }
            sleep(error.and_then(|it| it.retry_after()).unwrap_or_else(|| pause(failures))).await;
        }
    }

    /// The version as of which all was named.
    async fn list<M>(
        &self,
        known: &mut HashMap<Key, String>,
        is_first: bool,
        wrap: &impl Fn(Seen) -> M,
        into: &Sender<M>,
    ) -> Result<String> {
        let doing = listing(self.resource, None);
        let fields = self.fields();
        let mut params = ListParams { field_selector: fields, ..ListParams::default() }.limit(PAGE);
        let mut there = HashMap::new();
        loop {
            let page = limited(&doing, self.api.list_metadata(&params)).await?;
            for object in page.items {
                let metadata = (self.reduce)(object.metadata);
                let (key, version) = (key(&metadata), metadata.resource_version.clone().unwrap_or_default());
                if known.remove(&key).is_none_or(|before| before != version) {
                    into.send(wrap(Seen::There { metadata: Box::new(metadata), is_first })).await.ok();
                }
                there.insert(key, version);
            }
            let Some(token) = page.metadata.continue_.filter(|token| !token.is_empty()) else {
                for (namespace, name) in std::mem::replace(known, there).into_keys() {
                    into.send(wrap(Seen::Gone { namespace, name })).await.ok();
                }
                return Ok(page.metadata.resource_version.unwrap_or_default());
            };
            params = params.continue_token(&token);
        }
    }

    async fn watch<M>(
        &self,
        from: &str,
        known: &mut HashMap<Key, String>,
        wrap: &impl Fn(Seen) -> M,
        into: &Sender<M>,
    ) -> End {
        let doing = Doing { verb: "watch", ..listing(self.resource, None) };
        let mut version = from.to_owned();
        let params = WatchParams { field_selector: self.fields(), timeout: Some(LONGEST), ..WatchParams::default() };
        let stream = match unheard(&doing, self.api.watch_metadata(&params, from)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) if is_too_old(&error) => return End::TooOld,
            Ok(Err(error)) => return End::Failed(version, translate(&error, &doing)),
            Err(late) => return End::Failed(version, late),
        };
        let mut stream = pin!(stream);
        loop {
            // The client logs what it cannot read.
            let next = timeout(SILENCE, stream.next().with_subscriber(NoSubscriber::default())).await;
            let (metadata, is_there) = match next {
                Err(_) => {
                    return End::Failed(
                        version,
                        doing.failed(ErrorKind::Unreachable, "nothing was heard for too long"),
                    );
                }
                Ok(None) => return End::At(version),
                Ok(Some(Err(error))) if is_too_old(&error) => return End::TooOld,
                Ok(Some(Err(error))) => return End::Failed(version, translate(&error, &doing)),
                Ok(Some(Ok(WatchEvent::Error(status)))) if status.code == 410 => return End::TooOld,
                Ok(Some(Ok(WatchEvent::Error(status)))) => {
                    return End::Failed(version, translate(&kube::Error::Api(status), &doing));
                }
                Ok(Some(Ok(WatchEvent::Bookmark(bookmark)))) => {
                    version = bookmark.metadata.resource_version;
                    continue;
                }
                Ok(Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)))) => (object.metadata, true),
                Ok(Some(Ok(WatchEvent::Deleted(object)))) => (object.metadata, false),
            };
            let metadata = (self.reduce)(metadata);
            let key = key(&metadata);
            version = metadata.resource_version.clone().unwrap_or(version);
            let seen = if is_there {
                let before = known.insert(key, version.clone());
                before
                    .is_none_or(|before| before != version)
                    .then(|| Seen::There { metadata: Box::new(metadata), is_first: false })
            } else {
                let (namespace, name) = key.clone();
                known.remove(&key).map(|_| Seen::Gone { namespace, name })
            };
            if let Some(seen) = seen {
                into.send(wrap(seen)).await.ok();
            }
        }
    }

    fn fields(&self) -> Option<String> {
        self.name.as_ref().map(|name| format!("metadata.name={name}"))
    }
}

fn key(metadata: &ObjectMeta) -> Key {
    (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

fn is_too_old(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 410)
}

/// Up to twice as long after each failure.
fn pause(failures: u32) -> Duration {
    let longest = PAUSE.saturating_mul(1 << failures.min(9).saturating_sub(1)).min(LONGEST_PAUSE);
    longest.mul_f64(fastrand::f64())
}
