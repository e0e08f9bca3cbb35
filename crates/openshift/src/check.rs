//! What a cluster can be asked before anything is kept there. Nothing is written.

use std::time::SystemTime;

use futures::{StreamExt, stream};
use http::{Response, Uri, header::DATE};
use http_body_util::{BodyExt, Limited};
use k8s_openapi::api::{
    admissionregistration::v1::ValidatingAdmissionPolicy,
    authentication::v1::SelfSubjectReview,
    core::v1::{Namespace, Secret},
};
use kube::{
    Api, Resource,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
    client::Body,
    core::{PartialObjectMeta, Request, Status},
};
use regcred_core::{Error, ErrorKind, Result};
use serde_json::Value;

use crate::{
    call::{limited, unheard},
    cluster::Cluster,
    error::{Doing, is_by_policy, translate},
    record::REGCRED,
    rights::review,
    stream::object,
};

/// So many questions at once, as a pass looks at so many targets.
const AT_ONCE: usize = 16;
/// A real answer about the version has 400 bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// What may be done to one object, which need not be there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Right {
    /// Such as `secrets`, of the core group.
    pub resource: &'static str,
    /// The object.
    pub name: String,
    /// Such as `patch`.
    pub verb: &'static str,
}

impl Right {
    /// Makes the right to do this to one object, such as `patch`, `secrets`, `ecr-secret`.
    pub fn new(verb: &'static str, resource: &'static str, name: impl Into<String>) -> Self {
        Self { resource, name: name.into(), verb }
    }
}

/// What an API server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Greeting {
    /// Such as `v1.33.0`, if it says so.
    pub version: Option<String>,
    /// Such as `(1, 33)`, if it says so.
    pub release: Option<(u32, u32)>,
    /// The time by its own clock, in whole seconds.
    pub time: Option<SystemTime>,
}

/// Whether a namespace is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Here,
    /// It is being deleted.
    Going,
    /// It is not.
    Absent,
    /// We may not look.
    Unknown,
}

/// Whether policies of regcred's guard the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policies {
    /// These `ValidatingAdmissionPolicies` are there.
    Named(Vec<String>),
    /// The server has no such policies.
    NotServed,
    /// We may not look.
    Unknown,
}

/// Asks for the version. Everybody who is known may ask that. [`ErrorKind::Invalid`] if the server's certificate is not
/// trusted: that does not pass by itself.
pub async fn greet(cluster: &Cluster) -> Result<Greeting> {
    let doing = Doing { verb: "get", resource: "the version", namespace: None, name: "of the API server" };
    let mut request = http::Request::new(Body::empty());
    *request.uri_mut() = Uri::from_static("/version");
    let client = cluster.client();
    let asking = async { Ok(read(client.send(request).await?).await) };
    let (status, time, document) = unheard(&doing, asking).await?.map_err(|error| translate(&error, &doing))?;
    let text = |name: &str| document[name].as_str().filter(|it| is_version(it)).map(str::to_owned);
    let version = text("gitVersion");
    // Somebody may have forbidden that question alone; what answers it otherwise is no API server.
    let code = if status == 200 && version.is_none() { 0 } else { status };
    if code == 400 && cluster.server().starts_with("http://") {
        return Err(doing.failed(ErrorKind::Invalid, "the server speaks HTTPS, or is no Kubernetes API (HTTP 400)"));
    }
    if !matches!(code, 200 | 403) {
        let code = if matches!(code, 401 | 429 | 500..) { code } else { 0 };
        let status = Status { code, ..Status::default() };
        return Err(translate(&kube::Error::Api(status.boxed()), &doing));
    }
    let number = |name: &str| text(name)?.trim_end_matches('+').parse().ok();
    Ok(Greeting { version, release: number("major").zip(number("minor")), time })
}

/// Whether the server has an API of this group and version, such as `project.openshift.io/v1`. A server that does not let us ask
/// may have it.
pub async fn serves(cluster: &Cluster, group_version: &str) -> Result<bool> {
    let doing = Doing { verb: "get", resource: "the API", namespace: None, name: group_version };
    let uri = Uri::try_from(format!("/apis/{group_version}"));
    let uri = uri.map_err(|_| doing.failed(ErrorKind::Invalid, "it is not a group and a version"))?;
    let mut request = http::Request::new(Body::empty());
    *request.uri_mut() = uri;
    let client = cluster.client();
    let asking = async { Ok(read(client.send(request).await?).await) };
    let (code, ..) = unheard(&doing, asking).await?.map_err(|error: kube::Error| translate(&error, &doing))?;
    match code {
        404 => Ok(false),
        401 | 429 | 500.. => Err(translate(&kube::Error::Api(Status { code, ..Status::default() }.boxed()), &doing)),
        _ => Ok(true),
    }
}

/// As whom we ask, such as `system:serviceaccount:regcred:regcred`; `None`: a server before 1.28 does not tell.
pub async fn user(cluster: &Cluster) -> Result<Option<String>> {
    let doing = Doing { verb: "create", resource: "selfsubjectreviews", namespace: None, name: "of the caller" };
    let api = Api::<SelfSubjectReview>::all(cluster.client().clone());
    let (params, asked) = (PostParams::default(), SelfSubjectReview::default());
    match unheard(&doing, api.create(&params, &asked)).await? {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(translate(&error, &doing)),
        Ok(review) => Ok(review.status.and_then(|it| it.user_info).and_then(|it| it.username)),
    }
}

/// Whether we have each of these rights, in the namespace beside it or, without one, in all of them.
pub async fn may(cluster: &Cluster, rights: &[(Option<&str>, &Right)]) -> Vec<Result<bool>> {
    let asking = rights.iter().map(|(namespace, Right { resource, name, verb })| async move {
        let doing = Doing { verb, resource, namespace: *namespace, name };
        review(cluster.client(), &doing, verb).await
    });
    let asking = asking.collect::<Vec<_>>(); // none has begun
    stream::iter(asking).buffered(AT_ONCE).collect().await
}

/// Whether each of these namespaces is there.
pub async fn namespaces(cluster: &Cluster, names: &[&str]) -> Vec<Result<Presence>> {
    let asking = names.iter().map(|name| namespace(cluster, name)).collect::<Vec<_>>(); // none has begun
    stream::iter(asking).buffered(AT_ONCE).collect().await
}

async fn namespace(cluster: &Cluster, name: &str) -> Result<Presence> {
    let doing = Doing { verb: "get", resource: "namespaces", namespace: None, name };
    let api = Api::<Namespace>::all(cluster.client().clone());
    let found: Result<Option<PartialObjectMeta<_>>> = limited(&doing, api.get_metadata_opt(name)).await;
    match found {
        Ok(Some(it)) if it.metadata.deletion_timestamp.is_some() => Ok(Presence::Going),
        Ok(Some(_)) => Ok(Presence::Here),
        Ok(None) => Ok(Presence::Absent),
        Err(error) => unknown_if_denied(error, Presence::Unknown),
    }
}

/// Whether the server would make this object, in its namespace if that is there, else in that of the connection; makes nothing.
/// One that is there already is no error: the server passes over it.
pub async fn would_make(cluster: &Cluster, object: &Value) -> Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (version, kind, name) = (text(&object["apiVersion"]), text(&object["kind"]), text(&object["metadata"]["name"]));
    let doing =
        Doing { verb: "create", resource: "objects", namespace: Some(cluster.default_namespace()), name: &name };
    let none = |_| doing.failed(ErrorKind::Invalid, "it has no metadata");
    let object = serde_json::from_value::<DynamicObject>(object.clone()).map_err(none)?;
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
    let object = DynamicObject { metadata: ObjectMeta { namespace: None, ..object.metadata }, ..object };
    let api = Api::<DynamicObject>::namespaced_with(cluster.client().clone(), cluster.default_namespace(), &kind);
    let params = PostParams { dry_run: true, ..PostParams::default() };
    match unheard(&doing, api.create(&params, &object)).await? {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        other => other.map(drop).map_err(|error| translate(&error, &doing)),
    }
}

/// Whether an admission policy refuses that we make a Secret of this name a ServiceAccount's token.
///
/// The server is asked by a dry run of the request that regcred writes with. RBAC by name grants no other way to create an object.
pub async fn refuses_tokens(cluster: &Cluster, namespace: &str, name: &str) -> Result<bool> {
    let doing = Doing { verb: "create", resource: "secrets", namespace: Some(namespace), name };
    let secret = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name, "annotations": { "kubernetes.io/service-account.name": "default" } },
        "type": "kubernetes.io/service-account-token",
    });
    let request = Request::new(Secret::url_path(&(), Some(namespace)));
    let params = PatchParams { dry_run: true, ..PatchParams::apply(REGCRED) };
    let request = request.patch(name, &params, &Patch::Apply(&secret)).map_err(kube::Error::BuildRequest);
    let asking = async { object(cluster.client(), request?, |_| ()).await };
    match unheard(&doing, asking).await? {
        Ok(()) => Ok(false),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(kube::Error::Api(status)) if is_by_policy(&status) => Ok(true),
        Err(error) => Err(translate(&error, &doing)),
    }
}

/// The `ValidatingAdmissionPolicies` that are labelled as regcred's and judge this user, or anybody where it is not known who asks.
pub async fn policies(cluster: &Cluster, user: Option<&str>) -> Result<Policies> {
    let (verb, resource) = ("list", "validatingadmissionpolicies");
    let doing = Doing { verb, resource, namespace: None, name: "of regcred" };
    let api = Api::<ValidatingAdmissionPolicy>::all(cluster.client().clone());
    let params = ListParams::default().labels("app.kubernetes.io/name=regcred").limit(50);
    // A ServiceAccount that was renamed is one that its policy does not know.
    let judges = |policy: &ValidatingAdmissionPolicy| {
        let conditions = policy.spec.as_ref().and_then(|spec| spec.match_conditions.as_ref());
        let named =
            |user: &str| conditions.into_iter().flatten().any(|it| it.expression.contains(&format!("'{user}'")));
        user.is_none_or(named)
    };
    match unheard(&doing, api.list(&params)).await? {
        Ok(list) => {
            let judging = list.items.into_iter().filter(judges);
            Ok(Policies::Named(judging.filter_map(|it| it.metadata.name).collect()))
        }
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Policies::NotServed),
        Err(error) => unknown_if_denied(translate(&error, &doing), Policies::Unknown),
    }
}

fn unknown_if_denied<T>(error: Error, unknown: T) -> Result<T> {
    if error.kind() == ErrorKind::Denied { Ok(unknown) } else { Err(error) }
}

/// Status, time and document of an answer, of which nothing need be there but the status.
async fn read(answer: Response<Body>) -> (u16, Option<SystemTime>, Value) {
    let (status, time) = (answer.status().as_u16(), answer.headers().get(DATE).and_then(|it| date(it.to_str().ok()?)));
    let body = Limited::new(answer.into_body(), LONGEST_ANSWER).collect().await;
    let document = body.ok().and_then(|body| serde_json::from_slice(&body.to_bytes()).ok());
    (status, time, document.unwrap_or_default())
}

/// As HTTP writes it: `Wed, 21 Oct 2026 07:28:00 GMT`.
fn date(text: &str) -> Option<SystemTime> {
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp().into())
}

/// What stands in an answer is shown only if it has the form of a version.
fn is_version(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".+-".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read_as_http_writes_it() {
        let read = date("Thu, 01 Jan 2026 00:00:10 GMT").expect("it is one");
        assert_eq!(read, SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_610));
        assert_eq!(date("canary"), None);
    }

    #[test]
    fn only_what_looks_like_a_version_is_one() {
        assert!(is_version("v1.33.0+k3s1-rc.1"));
        assert!(!is_version("") && !is_version("\u{1b}[2J") && !is_version(&"1".repeat(65)));
    }
}
