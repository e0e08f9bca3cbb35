//! Events of Kubernetes, which `kubectl describe` and `kubectl get events` show.

use std::time::SystemTime;

use jiff::Timestamp;
use k8s_openapi::api::{core::v1::ObjectReference, events::v1::Event};
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};
use regcred_core::{ErrorKind, Result};

use crate::{call::translated, cluster::Cluster, error::RequestContext};

/// Longest note that the server accepts, in bytes.
const LONGEST: usize = 1_000;
/// The limit of the name of an event, without the number that makes it unique.
const LONGEST_NAME: usize = 230;
const REPORTER: &str = "regcred.dev/regcred";

/// A warning about an object.
#[derive(Clone, Debug)]
pub struct EventRecord {
    /// Namespace of the object.
    pub namespace: String,
    /// Kind of the object, such as `Secret`, of the core group.
    pub kind: &'static str,
    /// Name of the object, which may not exist.
    pub name: String,
    /// One word in camel case, such as `Refused`.
    pub reason: &'static str,
    /// The action that failed, such as `Refresh`.
    pub action: &'static str,
    /// The problem and the fix. Everyone with the right to read events of the namespace sees it.
    pub text: String,
}

/// Creates an event. `reporter`: the process that reports it. Needs the right to create events of group
/// `events.k8s.io`.
pub async fn record_event(cluster: &Cluster, record: &EventRecord, reporter: &str, now: SystemTime) -> Result<()> {
    let EventRecord { namespace, kind, name, reason, action, text } = record;
    let context = RequestContext { verb: "create", resource: "events", namespace: Some(namespace), name };
    let time =
        Timestamp::try_from(now).map_err(|_| context.failed(ErrorKind::Bug.into(), "the time is out of range"))?;
    let number = time.as_nanosecond();
    let metadata = ObjectMeta {
        name: Some(format!("{}.{number:x}", cut(name, LONGEST_NAME).trim_end_matches(['.', '-']))),
        namespace: Some(namespace.clone()),
        ..ObjectMeta::default()
    };
    let regarding = ObjectReference {
        api_version: Some("v1".into()),
        kind: Some((*kind).into()),
        name: Some(name.clone()),
        namespace: Some(namespace.clone()),
        ..ObjectReference::default()
    };
    let event = Event {
        metadata,
        event_time: Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime(time)),
        reporting_controller: Some(REPORTER.into()),
        reporting_instance: Some(cut(reporter, 128).into()),
        action: Some((*action).into()),
        reason: Some((*reason).into()),
        type_: Some("Warning".into()),
        note: Some(cut(text, LONGEST).into()),
        regarding: Some(regarding),
        ..Event::default()
    };
    let api = Api::<Event>::namespaced(cluster.client().clone(), namespace);
    translated(&context, api.create(&PostParams::default(), &event)).await.map(drop)
}

/// Returns the beginning of a text, without a partial character.
fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}
