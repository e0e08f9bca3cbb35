//! One watch: the events of one kind of objects, however often the server ends the connection.

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
    call::unheard,
    decode::{Kept, WatchLine, account, metadata, watch_line},
    error::{Doing, translate},
    pages::List,
    rights,
    stream::{Piece, lines},
};

/// The server ends a watch after so long, and says nothing for no longer.
const LONGEST: u32 = 240;
/// A connection that died without a word is noticed so much later.
const SILENCE: Duration = Duration::from_secs(LONGEST as u64 + 20);
/// A server lets a watch go on for minutes, whether anything happens or not: one that ends sooner than this is turned away.
const BRIEF: Duration = Duration::from_secs(10);
/// Between two tries to watch what RBAC does not allow.
const GRANTED: Duration = Duration::from_mins(5);
/// Of a list of which no object is needed.
const STEP: u32 = 100;
/// After a failure; times two for each that follows, with a random part: many watches end together.
const PAUSE: Duration = Duration::from_secs(1);
/// A server that is back is asked within this.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// An event of a watch.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// From now on it reports changes. Earlier changes may have been missed.
    Resumed,
    /// RBAC does not allow it.
    Denied(Error),
    /// An object was created.
    Made(Box<Object>),
    /// An object was written.
    Written(Box<Object>),
    /// An object was removed.
    Gone(Box<Object>),
}

impl Event {
    /// The namespace of the object.
    pub(crate) fn namespace(&self) -> &str {
        match self {
            Self::Made(object) | Self::Written(object) | Self::Gone(object) => {
                object.metadata.namespace.as_deref().unwrap_or_default()
            }
            Self::Resumed | Self::Denied(_) => "",
        }
    }
}

/// The receiver of the events of a watch, which carry its subject.
#[derive(Clone)]
pub(crate) struct Outlet<S> {
    pub(crate) subject: S,
    pub(crate) into: Sender<(S, Event)>,
}

impl<S: Clone> Outlet<S> {
    async fn send(&self, event: Event) {
        self.into.send((self.subject.clone(), event)).await.ok();
    }
}

/// The object of an event.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) metadata: ObjectMeta,
    /// The lists, if it is a ServiceAccount.
    account: Option<ServiceAccount>,
    /// Whether the object was decoded. Otherwise only its address, uid, version and labels are known.
    pub(crate) is_readable: bool,
}

impl Object {
    fn read(piece: Piece<'_>, is_account: bool, kept: &Kept) -> Self {
        let read = if is_account {
            account(piece).map(|account| (account.metadata.clone(), Some(account)))
        } else {
            metadata(piece, kept).map(|metadata| (metadata, None))
        };
        match read {
            Ok((metadata, account)) => Self { metadata, account, is_readable: true },
            Err(unreadable) => Self { metadata: unreadable.into_metadata(), account: None, is_readable: false },
        }
    }

    /// Returns the ServiceAccount; `None` if the object cannot be decoded.
    pub(crate) fn account(&self) -> Option<&ServiceAccount> {
        self.account.as_ref()
    }
}

/// A watch on objects of one kind. It gets their metadata alone, or the lists of ServiceAccounts.
#[derive(Clone)]
pub(crate) struct Watch {
    client: Client,
    url: String,
    resource: &'static str,
    namespace: Option<Namespace>,
    whole: bool,
    /// Only those of this name.
    name: Option<String>,
    kept: Arc<Kept>,
}

/// How one connection ended.
enum End {
    /// It continues from here.
    Usual,
    /// The server does not know the changes since the last version.
    TooOld,
    Failed(Error),
}

impl Watch {
    /// `resource`: the name of the kind in requests. In one namespace or in the whole cluster, objects of one name or all.
    pub(crate) fn new<K: Resource<DynamicType = ()>>(
        client: &Client,
        resource: &'static str,
        namespace: Option<&Namespace>,
        name: Option<&str>,
    ) -> Self {
        let (namespace, name) = (namespace.cloned(), name.map(str::to_owned));
        let url = K::url_path(&(), namespace.as_ref().map(Namespace::as_str));
        Self { client: client.clone(), url, resource, namespace, whole: false, name, kept: Arc::default() }
    }

    /// With these annotations too.
    pub(crate) fn keeping(self, kept: Arc<Kept>) -> Self {
        Self { kept, ..self }
    }

    /// With the lists of ServiceAccounts.
    pub(crate) fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// Returns the present version of the cluster: changes after it can be watched. A server before 1.22 looks for the first object of
    /// a name in steps as small as the page.
    pub(crate) async fn version(&self) -> Result<String> {
        if let Some(name) = &self.name {
            rights::check(&self.client, &Doing { verb: "watch", name, ..self.listing() }).await?;
        }
        let namespace = self.namespace.as_ref().map(Namespace::as_str);
        let list = List::at(&self.client, self.resource, namespace, self.url.clone()).metadata();
        let list = self.fields().into_iter().fold(list, |list, fields| list.fields(&fields));
        Ok(list.page(STEP, None, |_| ()).await?.version)
    }

    /// Reports all changes, for ever. It connects again after each end or failure. `begun`: the version to begin at, if it could be read.
    pub(crate) async fn keep<S: Clone>(self, begun: Result<String>, to: Outlet<S>) {
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
                Err(error) => End::Failed(error.clone()),
            };
            if connected.elapsed() >= BRIEF {
                failures = 0;
            }
            match end {
                End::Failed(error) if error.kind() == ErrorKind::Denied => {
                    to.send(Event::Denied(error)).await;
                    sleep(if self.name.is_some() { GRANTED } else { LONGEST_PAUSE }).await;
                    is_resumed = true;
                    continue;
                }
                End::Failed(error) => {
                    failures += 1;
                    sleep(backoff(self.resource, &error, failures)).await;
                }
                End::TooOld => {
                    // A server that forgets at once what it has just said is not asked without pause.
                    if started.elapsed() < BRIEF {
                        sleep(pause(failures + 1)).await;
                    }
                    is_resumed = true;
                    continue;
                }
                // A server that ends each watch at once is not asked without pause.
                End::Usual if version.as_ref().ok() == before.as_ref().ok() && connected.elapsed() < BRIEF => {
                    failures += 1;
                    sleep(pause(failures)).await;
                }
                End::Usual => failures = 0,
            }
            is_resumed |= version.is_err();
            from = version.ok().map(Ok);
        }
    }

    /// Reports the events of one connection.
    async fn connect<S: Clone>(&self, version: &mut String, is_resumed: &mut bool, to: &Outlet<S>) -> End {
        let doing = Doing { verb: "watch", ..self.listing() };
        let params = WatchParams { field_selector: self.fields(), timeout: Some(LONGEST), ..WatchParams::default() };
        let request = Request::new(&self.url);
        let request =
            if self.whole { request.watch(&params, version) } else { request.watch_metadata(&params, version) };
        let begin = async { lines(&self.client, request.map_err(kube::Error::BuildRequest)?).await };
        let mut lines = match unheard(&doing, begin).await {
            Ok(Ok(lines)) => lines,
            Ok(Err(error)) if is_too_old(&error) => return End::TooOld,
            Ok(Err(error)) => return End::Failed(translate(&error, &doing)),
            Err(late) => return End::Failed(late),
        };
        if std::mem::take(is_resumed) {
            to.send(Event::Resumed).await;
        }
        loop {
            // The layers of the client log what passes through them.
            let next = timeout(SILENCE, lines.next().with_subscriber(Dispatch::none())).await;
            let line = match next {
                Err(_) => {
                    return End::Failed(doing.failed(ErrorKind::Unreachable, "nothing was heard for too long"));
                }
                Ok(Ok(None)) => return End::Usual,
                Ok(Ok(Some(piece))) => watch_line(piece),
                Ok(Err(error)) => return End::Failed(translate(&kube::Error::ReadEvents(error), &doing)),
            };
            let (piece, event) = match line {
                None => return End::Failed(doing.failed(ErrorKind::Malformed, "an event of the watch cannot be read")),
                Some(WatchLine::Error(status)) if status.code == 410 => return End::TooOld,
                Some(WatchLine::Error(status)) => {
                    return End::Failed(translate(&kube::Error::Api(status), &doing));
                }
                Some(WatchLine::Bookmark(metadata)) => {
                    *version = metadata.resource_version.unwrap_or_default();
                    continue;
                }
                Some(WatchLine::Added(piece)) => (piece, Event::Made as fn(_) -> _),
                Some(WatchLine::Modified(piece)) => (piece, Event::Written as fn(_) -> _),
                Some(WatchLine::Deleted(piece)) => (piece, Event::Gone as fn(_) -> _),
            };
            let object = Object::read(piece, self.whole, &self.kept);
            if let Some(latest) = &object.metadata.resource_version {
                version.clone_from(latest);
            }
            to.send(event(object.into())).await;
        }
    }

    fn listing(&self) -> Doing<'_> {
        Doing::listing(self.resource, self.namespace.as_ref().map(Namespace::as_str))
    }

    fn fields(&self) -> Option<String> {
        self.name.as_ref().map(|name| format!("metadata.name={name}"))
    }
}

fn is_too_old(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 410)
}

/// Returns the pause after a number of failures in a row. Only the first failure is a warning.
pub(crate) fn backoff(resource: &str, error: &Error, failures: u32) -> Duration {
    let (kind, text) = (error.kind(), error.chain());
    if failures == 1 {
        warn!(resource, %kind, error = text, "a watch failed");
    } else {
        debug!(resource, %kind, error = text, failures, "a watch failed again");
    }
    error.retry_after().map_or_else(|| pause(failures), |asked| asked.min(LONGEST_PAUSE))
}

/// Up to twice as long after each failure.
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
    fn an_event_of_an_object_that_cannot_be_read_names_its_namespace() {
        let list = vec![json!({ "name": "s" }); LONGEST_LIST + 1];
        let account = json!({ "metadata": { "name": "default", "namespace": "a" }, "secrets": list }).to_string();
        let secret = r#"{"metadata":{"name":"s","namespace":"a","labels":[]}}"#;
        for (text, is_account) in [(account.as_str(), true), (secret, false)] {
            let piece = Piece { bytes: text.as_bytes(), is_whole: true };
            let object = Object::read(piece, is_account, &Kept::new());
            assert_eq!((object.is_readable, object.metadata.namespace.as_deref()), (false, Some("a")));
        }
    }
}
