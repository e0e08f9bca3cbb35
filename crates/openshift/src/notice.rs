//! Events of Kubernetes: what people see with `kubectl describe` and `kubectl get events`.

use std::time::SystemTime;

use jiff::Timestamp;
use k8s_openapi::api::{core::v1::ObjectReference, events::v1::Event};
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};
use regcred_core::{ErrorKind, Result};

use crate::{call::limited, cluster::Cluster, error::Doing};

/// The server takes no more of a text.
const LONGEST: usize = 1_000;
/// Of the name of an event, without the number that makes it one of its own.
const LONGEST_NAME: usize = 230;
const REPORTER: &str = "regcred.dev/regcred";

/// A warning about an object.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Its namespace.
    pub namespace: String,
    /// Such as `Secret`, of the core group.
    pub kind: &'static str,
    /// Its name; it need not be there.
    pub name: String,
    /// In one word in camel case, such as `Refused`.
    pub reason: &'static str,
    /// What was being done, such as `Refresh`.
    pub action: &'static str,
    /// What is wrong, and what helps. Whoever may see events of the namespace reads it.
    pub text: String,
}

/// Makes an event of it. `reporter`: which process says so. Takes the right to create events of group `events.k8s.io`.
pub async fn notify(cluster: &Cluster, notice: &Notice, reporter: &str, now: SystemTime) -> Result<()> {
    let Notice { namespace, kind, name, reason, action, text } = notice;
    let doing = Doing { verb: "create", resource: "events", namespace: Some(namespace), name };
    let time = Timestamp::try_from(now).map_err(|_| doing.failed(ErrorKind::Bug, "the time is out of range"))?;
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
    limited(&doing, api.create(&PostParams::default(), &event)).await.map(drop)
}

/// The beginning of a text, which ends where a letter does.
fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}
