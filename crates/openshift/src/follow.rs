//! What changes in a cluster, however often the server ends the watch that tells of it.

use std::{pin::pin, time::Duration};

use futures::{Stream, StreamExt};
use k8s_openapi::{
    api::core::v1::{LocalObjectReference, ObjectReference, ServiceAccount},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DynamicObject, ListParams, WatchParams},
    core::{Request, WatchEvent},
};
use regcred_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use tokio::{
    sync::mpsc::Sender,
    time::{Instant, sleep, timeout},
};
use tracing::{Dispatch, debug, instrument::WithSubscriber, warn};

use crate::{
    error::{Doing, translate},
    metadata::without_copies,
    pages::listing,
    store::{limited, unheard},
};

/// The server ends a watch after so long, and says nothing for no longer.
const LONGEST: u32 = 240;
/// A connection that died without a word is noticed so much later.
const SILENCE: Duration = Duration::from_secs(LONGEST as u64 + 20);
/// A server lets a watch go on for minutes, whether anything happens or not: one that ends sooner than this is turned away.
const BRIEF: Duration = Duration::from_secs(10);
/// Of a list of which no object is needed.
const STEP: u32 = 100;
/// After a failure; times two for each that follows, with a random part: many watches end together.
const PAUSE: Duration = Duration::from_secs(1);
/// A server that is back is asked within this.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What a watch saw.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// Whatever happens from now on; once.
    Begun,
    /// An object was made.
    Made(Box<Object>),
    /// One was written.
    Written(Box<Object>),
    /// One was removed.
    Gone(Box<Object>),
}

/// What is read of an object, whatever its kind; what else there is of it is passed over.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Object {
    pub(crate) metadata: ObjectMeta,
    image_pull_secrets: Option<Vec<LocalObjectReference>>,
    secrets: Option<Vec<ObjectReference>>,
}

impl Object {
    /// As the ServiceAccount that it is.
    pub(crate) fn into_account(self) -> ServiceAccount {
        let Self { metadata, image_pull_secrets, secrets } = self;
        ServiceAccount { metadata, image_pull_secrets, secrets, ..ServiceAccount::default() }
    }
}

/// Objects of one kind in the whole cluster, of which nothing but metadata is asked for, unless it is the lists of ServiceAccounts
/// that are followed.
#[derive(Clone)]
pub(crate) struct Followed {
    client: Client,
    api: Api<DynamicObject>,
    resource: &'static str,
    whole: bool,
    /// Only those of this name.
    name: Option<String>,
}

/// How one watch ended.
enum End {
    /// Go on from here.
    Usual,
    /// The server does not know any more what has changed.
    TooOld,
    Failed(Error),
}

impl Followed {
    /// Of this kind, called so in requests; those of one name or all.
    pub(crate) fn new<K: Resource<DynamicType = ()>>(
        client: &Client,
        resource: &'static str,
        name: Option<&str>,
    ) -> Self {
        let api = Api::all_with(client.clone(), &ApiResource::erase::<K>(&()));
        Self { client: client.clone(), api, resource, whole: false, name: name.map(str::to_owned) }
    }

    /// With the lists of ServiceAccounts.
    pub(crate) fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// The version that the cluster has now: what changes after it can be followed. Of the list that tells it nothing else is needed,
    /// but a server of before 1.22 looks for the first object of a name in steps as small as the page that it is asked for.
    pub(crate) async fn version(&self) -> Result<String> {
        let params = ListParams { field_selector: self.fields(), ..ListParams::default() }.limit(STEP);
        let page = limited(&listing(self.resource, None), self.api.list_metadata(&params)).await?;
        Ok(page.metadata.resource_version.unwrap_or_default())
    }

    /// Tells whatever changes after a version. Watches that end or fail begin again here. Returns once the server does not know any
    /// more what has changed, so that something may have been missed; or with the reason why it may not be watched.
    pub(crate) async fn follow<M>(
        &self,
        mut version: String,
        wrap: impl Fn(Seen) -> M,
        into: &Sender<M>,
    ) -> Option<Error> {
        let (mut failures, started, mut is_first) = (0, Instant::now(), true);
        loop {
            let (before, began) = (version.clone(), Instant::now());
            match self.watch(&mut version, &mut is_first, &wrap, into).await {
                End::TooOld => {
                    // A server that forgets at once what it has just said is not asked without pause.
                    if started.elapsed() < BRIEF {
                        sleep(pause(failures + 1)).await;
                    }
                    return None;
                }
                End::Failed(error) if error.kind() == ErrorKind::Denied => return Some(error),
                End::Usual if version != before || began.elapsed() >= BRIEF => failures = 0,
                // A server that ends each watch at once is not asked without pause.
                End::Usual => {
                    failures += 1;
                    sleep(pause(failures)).await;
                }
                End::Failed(error) => {
                    failures += 1;
                    self.wait(&error, failures).await;
                }
            }
        }
    }

    /// After so many failures in a row.
    pub(crate) async fn wait(&self, error: &Error, failures: u32) {
        let (resource, kind, text) = (self.resource, error.kind(), error.chain());
        if failures == 1 {
            warn!(resource, %kind, error = text, "a watch failed");
        } else {
            debug!(resource, %kind, error = text, failures, "a watch failed again");
        }
        sleep(error.retry_after().map_or_else(|| pause(failures), |asked| asked.min(LONGEST_PAUSE))).await;
    }

    async fn watch<M>(
        &self,
        version: &mut String,
        is_first: &mut bool,
        wrap: &impl Fn(Seen) -> M,
        into: &Sender<M>,
    ) -> End {
        let doing = Doing { verb: "watch", ..listing(self.resource, None) };
        let params = WatchParams { field_selector: self.fields(), timeout: Some(LONGEST), ..WatchParams::default() };
        let stream = match unheard(&doing, self.events(&params, version)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) if is_too_old(&error) => return End::TooOld,
            Ok(Err(error)) => return End::Failed(translate(&error, &doing)),
            Err(late) => return End::Failed(late),
        };
        if std::mem::take(is_first) {
            into.send(wrap(Seen::Begun)).await.ok();
        }
        let mut stream = pin!(stream);
        loop {
            // The client logs what it cannot read.
            let next = timeout(SILENCE, stream.next().with_subscriber(Dispatch::none())).await;
            let (object, seen) = match next {
                Err(_) => {
                    return End::Failed(doing.failed(ErrorKind::Unreachable, "nothing was heard for too long"));
                }
                Ok(None) => return End::Usual,
                Ok(Some(Err(error))) if is_too_old(&error) => return End::TooOld,
                Ok(Some(Err(error))) => return End::Failed(translate(&error, &doing)),
                Ok(Some(Ok(WatchEvent::Error(status)))) if status.code == 410 => return End::TooOld,
                Ok(Some(Ok(WatchEvent::Error(status)))) => {
                    return End::Failed(translate(&kube::Error::Api(status), &doing));
                }
                Ok(Some(Ok(WatchEvent::Bookmark(bookmark)))) => {
                    *version = bookmark.metadata.resource_version;
                    continue;
                }
                Ok(Some(Ok(WatchEvent::Added(object)))) => (object, Seen::Made as fn(_) -> _),
                Ok(Some(Ok(WatchEvent::Modified(object)))) => (object, Seen::Written as fn(_) -> _),
                Ok(Some(Ok(WatchEvent::Deleted(object)))) => (object, Seen::Gone as fn(_) -> _),
            };
            let object = Object { metadata: without_copies(object.metadata), ..object };
            if let Some(latest) = &object.metadata.resource_version {
                version.clone_from(latest);
            }
            into.send(wrap(seen(object.into()))).await.ok();
        }
    }

    async fn events(
        &self,
        params: &WatchParams,
        version: &str,
    ) -> kube::Result<impl Stream<Item = kube::Result<WatchEvent<Object>>> + use<>> {
        let request = Request::new(self.api.resource_url());
        let request = if self.whole { request.watch(params, version) } else { request.watch_metadata(params, version) };
        self.client.request_events::<Object>(request.map_err(kube::Error::BuildRequest)?).await
    }

    fn fields(&self) -> Option<String> {
        self.name.as_ref().map(|name| format!("metadata.name={name}"))
    }
}

fn is_too_old(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 410)
}

/// Up to twice as long after each failure.
fn pause(failures: u32) -> Duration {
    let longest = PAUSE.saturating_mul(1 << failures.min(9).saturating_sub(1)).min(LONGEST_PAUSE);
    longest.mul_f64(fastrand::f64())
}
