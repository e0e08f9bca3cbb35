//! One watch: the events of one kind of objects, across all of its connections.

use std::{sync::Arc, time::Duration};

use k8s_openapi::{api::core::v1::ServiceAccount, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{Client, Resource, api::WatchParams, core::Request};
use regcred_core::{Error, ErrorKind, Namespace, Result};
use tokio::{
    sync::mpsc::Sender,
    time::{Instant, sleep, timeout},
};
use tracing::{Dispatch, debug, instrument::WithSubscriber, warn};

use crate::{
    call::with_timeout,
    codes,
    decode::{KeptAnnotations, WatchLine, account, metadata, watch_line},
    error::{RequestContext, translate},
    pages::List,
    rights,
    stream::{Piece, lines},
};

/// The server ends a watch after this number of seconds, and sends a bookmark or an event before.
const LONGEST: u32 = 240;
/// A connection without data for this time counts as lost.
const SILENCE: Duration = Duration::from_secs(LONGEST as u64 + 20);
/// A server keeps a watch open for minutes. A watch that ends sooner than this was rejected.
const BRIEF: Duration = Duration::from_secs(10);
/// The time between two attempts at a watch that RBAC does not allow.
const DENIED_PAUSE: Duration = Duration::from_mins(5);
/// Page size of a list whose objects are not needed.
const STEP: u32 = 100;
/// The pause after a failure. It doubles with each further failure, and has a random part because many watches end
/// together.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause. A server that has recovered gets a request within this time.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// An event of a watch.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// The watch reports changes from now on. Earlier changes may have been missed.
    Resumed,
    /// RBAC does not allow the watch.
    Denied(Error),
    Added(Box<Object>),
    Modified(Box<Object>),
    Deleted(Box<Object>),
}

impl Event {
    /// Returns the namespace of the object.
    pub(crate) fn namespace(&self) -> &str {
        match self {
            Self::Added(object) | Self::Modified(object) | Self::Deleted(object) => {
                object.metadata.namespace.as_deref().unwrap_or_default()
            }
            Self::Resumed | Self::Denied(_) => "",
        }
    }
}

/// A sender of the events of a watch, with its subject.
#[derive(Clone)]
pub(crate) struct EventSender<S> {
    pub(crate) subject: S,
    pub(crate) into: Sender<(S, Event)>,
}

impl<S: Clone> EventSender<S> {
    async fn send(&self, event: Event) {
        self.into.send((self.subject.clone(), event)).await.ok();
    }
}

/// The object of an event.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) metadata: ObjectMeta,
    /// The ServiceAccount, if it is one and could be decoded.
    pub(crate) account: Option<ServiceAccount>,
    /// Whether the object was decoded. Otherwise only its address, uid, version and labels are known.
    pub(crate) is_readable: bool,
}

impl Object {
    fn read(piece: Piece<'_>, is_account: bool, kept: &KeptAnnotations) -> Self {
        let read = if is_account {
            account(piece).map(|account| (account.metadata.clone(), Some(account)))
        } else {
            metadata(piece, kept).map(|metadata| (metadata, None))
        };
        match read {
            Ok((metadata, account)) => Self { metadata, account, is_readable: true },
            Err(unreadable) => Self { metadata: unreadable.metadata, account: None, is_readable: false },
        }
    }
}

/// A watch on objects of one kind. It receives only their metadata, or whole ServiceAccounts.
#[derive(Clone)]
pub(crate) struct Watch {
    client: Client,
    url: String,
    resource: &'static str,
    namespace: Option<Namespace>,
    is_whole: bool,
    /// Restricts the watch to objects of this name.
    name: Option<String>,
    kept: Arc<KeptAnnotations>,
}

/// Why a connection ended early.
enum End {
    /// The server no longer has the changes since the last version.
    TooOld,
    Failed(Error),
}

impl End {
    fn of(error: &kube::Error, context: &RequestContext<'_>) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 410 => Self::TooOld,
            error => Self::Failed(translate(error, context)),
        }
    }
}

impl Watch {
    /// Creates a watch in a namespace or, without one, in the whole cluster. `resource`: the name of the kind in
    /// requests.
    pub(crate) fn new<K: Resource<DynamicType = ()>>(
        client: &Client,
        resource: &'static str,
        namespace: Option<&Namespace>,
        name: Option<&str>,
    ) -> Self {
        let (namespace, name) = (namespace.cloned(), name.map(str::to_owned));
        let url = K::url_path(&(), namespace.as_ref().map(Namespace::as_str));
        Self { client: client.clone(), url, resource, namespace, is_whole: false, name, kept: Arc::default() }
    }

    /// Also keeps these annotations.
    pub(crate) fn keeping(self, kept: &Arc<KeptAnnotations>) -> Self {
        Self { kept: kept.clone(), ..self }
    }

    /// Also receives the lists of ServiceAccounts.
    pub(crate) fn whole(self) -> Self {
        Self { is_whole: true, ..self }
    }

    /// Returns the current version of the cluster, from which changes can be watched. A server before 1.22 searches for
    /// the first object of a name in steps as small as the page.
    pub(crate) async fn version(&self) -> Result<String> {
        if let Some(name) = &self.name {
            rights::check(&self.client, &RequestContext { verb: "watch", name, ..self.listing() }).await?;
        }
        let namespace = self.namespace.as_ref().map(Namespace::as_str);
        let list = List::at(&self.client, self.resource, namespace, self.url.clone()).metadata();
        let list = self.fields().into_iter().fold(list, |list, fields| list.fields(&fields));
        Ok(list.page(STEP, None, |_| ()).await?.version)
    }

    /// Reports all changes, forever. Reconnects after each end or failure. `begun`: the version to begin at, if it
    /// could be read.
    pub(crate) async fn keep<S: Clone>(self, begun: Result<String>, to: EventSender<S>) {
        let (mut from, mut started, mut failures, mut is_resumed) = (Some(begun), Instant::now(), 0, false);
        loop {
            let mut version = if let Some(version) = from.take() {
                version
            } else {
                started = Instant::now();
                self.version().await
            };
            let (before, connected) = (version.clone(), Instant::now());
            let end = match &mut version {
                Ok(version) => self.connect(version, &mut is_resumed, &to).await,
                Err(error) => Err(End::Failed(error.clone())),
            };
            if connected.elapsed() >= BRIEF {
                failures = 0;
            }
            match end {
                Err(End::Failed(error)) if error.kind() == ErrorKind::Denied => {
                    to.send(Event::Denied(error)).await;
                    sleep(if self.name.is_some() { DENIED_PAUSE } else { LONGEST_PAUSE }).await;
                    is_resumed = true;
                    continue;
                }
                Err(End::Failed(error)) => {
                    failures += 1;
                    sleep(backoff(self.resource, &error, failures)).await;
                }
                Err(End::TooOld) => {
                    // Pause for a server that does not know its own latest version.
                    if started.elapsed() < BRIEF {
                        sleep(pause(failures + 1)).await;
                    }
                    is_resumed = true;
                    continue;
                }
                // Pause for a server that ends each watch at once.
                Ok(()) if version.as_ref().ok() == before.as_ref().ok() && connected.elapsed() < BRIEF => {
                    failures += 1;
                    sleep(pause(failures)).await;
                }
                Ok(()) => failures = 0,
            }
            is_resumed |= version.is_err();
            from = version.ok().map(Ok);
        }
    }

    /// Reports the events of one connection. `Ok`: the next connection continues at `version`.
    async fn connect<S: Clone>(
        &self,
        version: &mut String,
        is_resumed: &mut bool,
        to: &EventSender<S>,
    ) -> Result<(), End> {
        let context = RequestContext { verb: "watch", ..self.listing() };
        let failed = |code, why: &str| End::Failed(context.failed(code, why));
        let params = WatchParams { field_selector: self.fields(), timeout: Some(LONGEST), ..WatchParams::default() };
        let request = Request::new(&self.url);
        let request =
            if self.is_whole { request.watch(&params, version) } else { request.watch_metadata(&params, version) };
        let begin = async { lines(&self.client, request.map_err(kube::Error::BuildRequest)?).await };
        let lines = with_timeout(&context, begin).await.map_err(End::Failed)?;
        let mut lines = lines.map_err(|error| End::of(&error, &context))?;
        if std::mem::take(is_resumed) {
            to.send(Event::Resumed).await;
        }
        loop {
            // The layers of the client log the data that they process.
            let next = timeout(SILENCE, lines.next().with_subscriber(Dispatch::none())).await;
            let next = next.map_err(|_| failed(&codes::UNREACHABLE, "the watch was silent for too long"))?;
            let next = next.map_err(|error| End::of(&kube::Error::ReadEvents(error), &context))?;
            let Some(line) = next else { return Ok(()) };
            let malformed = || failed(&codes::ANSWER, "an event of the watch cannot be read");
            let (piece, event) = match watch_line(line).ok_or_else(malformed)? {
                WatchLine::Error(status) => return Err(End::of(&kube::Error::Api(status), &context)),
                WatchLine::Bookmark(metadata) => {
                    *version = metadata.resource_version.unwrap_or_default();
                    continue;
                }
                WatchLine::Added(piece) => (piece, Event::Added as fn(_) -> _),
                WatchLine::Modified(piece) => (piece, Event::Modified as fn(_) -> _),
                WatchLine::Deleted(piece) => (piece, Event::Deleted as fn(_) -> _),
            };
            let object = Object::read(piece, self.is_whole, &self.kept);
            if let Some(latest) = &object.metadata.resource_version {
                version.clone_from(latest);
            }
            to.send(event(object.into())).await;
        }
    }

    fn listing(&self) -> RequestContext<'_> {
        RequestContext::listing(self.resource, self.namespace.as_ref().map(Namespace::as_str))
    }

    fn fields(&self) -> Option<String> {
        self.name.as_ref().map(|name| format!("metadata.name={name}"))
    }
}

/// Returns the pause after a number of failures in a row. Only the first failure is a warning.
pub(crate) fn backoff(resource: &str, error: &Error, failures: u32) -> Duration {
    let (kind, text) = (error.kind(), error.chain());
    if failures == 1 {
        warn!(resource, %kind, error = text, failures, "cannot watch resource");
    } else {
        debug!(resource, %kind, error = text, failures, "cannot watch resource");
    }
    error.retry_after().map_or_else(|| pause(failures), |asked| asked.min(LONGEST_PAUSE))
}

fn pause(failures: u32) -> Duration {
    let longest = PAUSE.saturating_mul(1 << failures.min(9).saturating_sub(1)).min(LONGEST_PAUSE);
    longest.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decode::LONGEST_LIST;

    #[test]
    fn an_event_of_an_unreadable_object_names_its_namespace() {
        let list = vec![json!({ "name": "s" }); LONGEST_LIST + 1];
        let account = json!({ "metadata": { "name": "default", "namespace": "a" }, "secrets": list }).to_string();
        let secret = r#"{"metadata":{"name":"s","namespace":"a","labels":[]}}"#;
        for (text, is_account) in [(account.as_str(), true), (secret, false)] {
            let piece = Piece { bytes: text.as_bytes(), is_whole: true };
            let object = Object::read(piece, is_account, &KeptAnnotations::new());
            assert_eq!((object.is_readable, object.metadata.namespace.as_deref()), (false, Some("a")));
        }
    }
}
