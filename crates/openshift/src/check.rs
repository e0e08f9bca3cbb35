//! Checks of a cluster before regcred writes there. They write nothing.

use std::time::SystemTime;

use futures::{StreamExt, stream};
use http::{Uri, header::DATE};
use http_body_util::{BodyExt, Limited};
use k8s_openapi::api::{
    admissionregistration::v1::ValidatingAdmissionPolicy, authentication::v1::SelfSubjectReview, core::v1::Secret,
};
use kube::{
    Api, Resource,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
    client::Body,
    core::{Request, Status},
};
use regcred_core::{ErrorKind, Result};
use serde_json::Value;

use crate::{
    call::{translated, with_timeout},
    cluster::Cluster,
    codes,
    error::{RequestContext, is_by_policy, translate},
    record::REGCRED,
    rights::{Presence, presence, review},
    stream::object,
};

/// Number of concurrent requests. A pass reconciles as many targets at once.
const AT_ONCE: usize = 16;
/// A real answer about the version has 400 bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// A right on one object, which need not exist.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Right {
    /// The resource, such as `secrets`, of the core group.
    pub resource: &'static str,
    /// The name of the object.
    pub name: String,
    /// The verb, such as `patch`.
    pub verb: &'static str,
}

impl Right {
    /// Creates a right to use a verb on one object, such as `patch`, `secrets`, `registry-pull`.
    pub fn new(verb: &'static str, resource: &'static str, name: impl Into<String>) -> Self {
        Self { resource, name: name.into(), verb }
    }
}

/// The version and the clock of an API server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerInfo {
    /// The version, such as `v1.33.0`, if it is known.
    pub version: Option<String>,
    /// The release, such as `(1, 33)`, if it is known.
    pub release: Option<(u32, u32)>,
    /// The time by its own clock, in whole seconds.
    pub time: Option<SystemTime>,
}

/// The admission policies of regcred in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policies {
    /// The names of the existing `ValidatingAdmissionPolicies`.
    Named(Vec<String>),
    /// The server has no such policies.
    NotServed,
    /// RBAC does not allow regcred to read them.
    Unknown,
}

/// Requests the version, which every authenticated user may do. Fails with [`ErrorKind::Invalid`] if the server's
/// certificate is not trusted, because a retry does not help.
pub async fn server_info(cluster: &Cluster) -> Result<ServerInfo> {
    let context = RequestContext { verb: "get", resource: "the version", namespace: None, name: "of the API server" };
    let (status, time, document) = ask(cluster, &context, Uri::from_static("/version")).await?;
    let text = |name: &str| document[name].as_str().filter(|it| is_version(it)).map(str::to_owned);
    let version = text("gitVersion");
    // RBAC may forbid only this request. Any other answer is not from an API server.
    let code = if status == 200 && version.is_none() { 0 } else { status };
    if code == 400 && cluster.server().starts_with("http://") {
        return Err(
            context.failed(&codes::NOT_KUBERNETES, "the server speaks HTTPS, or is not a Kubernetes API (HTTP 400)")
        );
    }
    if !matches!(code, 200 | 403) {
        let code = if matches!(code, 401 | 429 | 500..) { code } else { 0 };
        let status = Status { code, ..Status::default() };
        return Err(translate(&kube::Error::Api(status.boxed()), &context));
    }
    let number = |name: &str| text(name)?.trim_end_matches('+').parse().ok();
    Ok(ServerInfo { version, release: number("major").zip(number("minor")), time })
}

/// Returns whether the server has an API of this group and version, such as `project.openshift.io/v1`. If RBAC forbids
/// the question, the answer is yes.
pub async fn serves(cluster: &Cluster, group_version: &str) -> Result<bool> {
    let context = RequestContext { verb: "get", resource: "the API", namespace: None, name: group_version };
    let uri = Uri::try_from(format!("/apis/{group_version}"));
    let uri = uri.map_err(|_| context.failed(ErrorKind::Invalid.into(), "it is not a group and a version"))?;
    let (code, ..) = ask(cluster, &context, uri).await?;
    match code {
        404 => Ok(false),
        401 | 429 | 500.. => Err(translate(&kube::Error::Api(Status { code, ..Status::default() }.boxed()), &context)),
        _ => Ok(true),
    }
}

/// Returns the user of the connection, such as `system:serviceaccount:regcred:regcred`. `None`: the server is older
/// than 1.28.
pub async fn user(cluster: &Cluster) -> Result<Option<String>> {
    let context =
        RequestContext { verb: "create", resource: "selfsubjectreviews", namespace: None, name: "of the caller" };
    let api = Api::<SelfSubjectReview>::all(cluster.client().clone());
    let (params, asked) = (PostParams::default(), SelfSubjectReview::default());
    match with_timeout(&context, api.create(&params, &asked)).await? {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(translate(&error, &context)),
        Ok(review) => Ok(review.status.and_then(|it| it.user_info).and_then(|it| it.username)),
    }
}

/// Returns whether regcred has each of these rights, in the given namespace or, without one, in all of them.
pub async fn may(cluster: &Cluster, rights: &[(Option<&str>, &Right)]) -> Vec<Result<bool>> {
    let asking = rights.iter().map(|(namespace, Right { resource, name, verb })| async move {
        let context = RequestContext { verb, resource, namespace: *namespace, name };
        review(cluster.client(), &context, verb).await
    });
    let asking = asking.collect::<Vec<_>>(); // futures do not start by themselves
    stream::iter(asking).buffered(AT_ONCE).collect().await
}

/// Returns whether each of these namespaces exists.
pub async fn namespaces(cluster: &Cluster, names: &[&str]) -> Vec<Result<Presence>> {
    let asking = names.iter().map(|name| presence(cluster.client(), name)).collect::<Vec<_>>(); // futures do not start by themselves
    stream::iter(asking).buffered(AT_ONCE).collect().await
}

/// Checks by a dry run whether the server would create this object in the namespace of the connection. An existing
/// object is not an error.
pub async fn would_make(cluster: &Cluster, object: &Value) -> Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (version, kind, name) = (text(&object["apiVersion"]), text(&object["kind"]), text(&object["metadata"]["name"]));
    let context = RequestContext {
        verb: "create",
        resource: "objects",
        namespace: Some(cluster.default_namespace()),
        name: &name,
    };
    let malformed = |_| context.failed(ErrorKind::Invalid.into(), "it has no metadata");
    let object = serde_json::from_value::<DynamicObject>(object.clone()).map_err(malformed)?;
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
    let object = DynamicObject { metadata: ObjectMeta { namespace: None, ..object.metadata }, ..object };
    let api = Api::<DynamicObject>::namespaced_with(cluster.client().clone(), cluster.default_namespace(), &kind);
    let params = PostParams { dry_run: true, ..PostParams::default() };
    match with_timeout(&context, api.create(&params, &object)).await? {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        other => other.map(drop).map_err(|error| translate(&error, &context)),
    }
}

/// Checks by a dry run whether an admission policy denies that regcred creates a ServiceAccount's token as a Secret of
/// this name.
///
/// The request is the one that regcred writes with. RBAC by name grants no other way to create an object.
pub async fn refuses_tokens(cluster: &Cluster, namespace: &str, name: &str) -> Result<bool> {
    let context = RequestContext { verb: "create", resource: "secrets", namespace: Some(namespace), name };
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
    match with_timeout(&context, asking).await? {
        Ok(()) => Ok(false),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(kube::Error::Api(status)) if is_by_policy(&status) => Ok(true),
        Err(error) => Err(translate(&error, &context)),
    }
}

/// Returns the `ValidatingAdmissionPolicies` with regcred's label that apply to this user, or to any user if it is not
/// known.
pub async fn policies(cluster: &Cluster, user: Option<&str>) -> Result<Policies> {
    let (verb, resource) = ("list", "validatingadmissionpolicies");
    let context = RequestContext { verb, resource, namespace: None, name: "of regcred" };
    let api = Api::<ValidatingAdmissionPolicy>::all(cluster.client().clone());
    let params = ListParams::default().labels("app.kubernetes.io/name=regcred").limit(50);
    // A policy does not know a renamed ServiceAccount.
    let judges = |policy: &ValidatingAdmissionPolicy| {
        let conditions = policy.spec.as_ref().and_then(|spec| spec.match_conditions.as_ref());
        let named =
            |user: &str| conditions.into_iter().flatten().any(|it| it.expression.contains(&format!("'{user}'")));
        user.is_none_or(named)
    };
    match with_timeout(&context, api.list(&params)).await? {
        Ok(list) => {
            let judging = list.items.into_iter().filter(judges);
            Ok(Policies::Named(judging.filter_map(|it| it.metadata.name).collect()))
        }
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Policies::NotServed),
        Err(error) => match translate(&error, &context) {
            error if error.kind() == ErrorKind::Denied => Ok(Policies::Unknown),
            error => Err(error),
        },
    }
}

/// Requests a path. Returns the status, the time and the document of the answer, as far as they are readable.
async fn ask(cluster: &Cluster, context: &RequestContext<'_>, uri: Uri) -> Result<(u16, Option<SystemTime>, Value)> {
    let mut request = http::Request::new(Body::empty());
    *request.uri_mut() = uri;
    let asking = async {
        let answer = cluster.client().send(request).await?;
        let time = answer.headers().get(DATE).and_then(|it| date(it.to_str().ok()?));
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER).collect().await;
        let document = body.ok().and_then(|body| serde_json::from_slice(&body.to_bytes()).ok());
        Ok((status, time, document.unwrap_or_default()))
    };
    translated(context, asking).await
}

/// Reads a date of HTTP: `Wed, 21 Oct 2026 07:28:00 GMT`.
fn date(text: &str) -> Option<SystemTime> {
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp().into())
}

/// Returns whether a text looks like a version. Other text of an answer is never shown.
fn is_version(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".+-".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_date_header_is_parsed_in_http_format() {
        let read = date("Thu, 01 Jan 2026 00:00:10 GMT").expect("it is one");
        assert_eq!(read, SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_610));
        assert_eq!(date("canary"), None);
    }

    #[test]
    fn only_text_in_the_form_of_a_version_is_a_version() {
        assert!(is_version("v1.33.0+k3s1-rc.1"));
        assert!(!is_version("") && !is_version("\u{1b}[2J") && !is_version(&"1".repeat(65)));
    }
}
