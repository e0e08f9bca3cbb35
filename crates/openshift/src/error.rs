//! Translates errors of the client. They are never wrapped, because their text may quote an answer.

use std::time::Duration;

use kube::core::Status;
use regcred_core::{Code, Error, codes::BUG};

use crate::{
    codes, refusal,
    unreachable::{self, Cause},
};

/// The limit of an object name.
const LONGEST_NAME: usize = 253;

const UNTRUSTED: &str = "the API server's certificate is not trusted";
const UNAUTHORIZED: &str = "the API server does not accept the credentials (HTTP 401)";
const UNREACHABLE: &str = "the connection to the API server failed";
pub(crate) const NO_API: &str = "the answer is not that of a Kubernetes API";
/// kube's reason for an answer that is not a `Status`.
const UNREADABLE: &str = "Failed to parse error data";

/// A request, for errors: `patch`, `Secret registry-pull in team-a`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestContext<'a> {
    pub(crate) verb: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) namespace: Option<&'a str>,
    /// Empty: all objects.
    pub(crate) name: &'a str,
}

impl<'a> RequestContext<'a> {
    /// Describes a list in a namespace or, without one, in the whole cluster.
    pub(crate) fn listing(resource: &'static str, namespace: Option<&'a str>) -> Self {
        Self { verb: "list", resource, namespace, name: "" }
    }

    pub(crate) fn describe(&self) -> String {
        let Self { verb, resource, name, .. } = self;
        match (self.namespace, *name) {
            (Some(namespace), "") => format!("{verb} {resource} in namespace {namespace}"),
            (None, "") => format!("{verb} {resource} of the whole cluster"),
            (Some(namespace), name) => format!("{verb} {resource} {name} in namespace {namespace}"),
            (None, name) => format!("{verb} {resource} {name}"),
        }
    }

    pub(crate) fn failed(&self, code: &'static Code, cause: &str) -> Error {
        Error::new(code, format!("cannot {}", self.describe())).with_cause(cause)
    }

    /// Returns the verbs that RBAC must allow. An apply also needs `create`.
    pub(crate) fn verbs(&self) -> &[&'static str] {
        match (self.verb, self.resource) {
            ("patch", "secrets" | "leases") => &["create", "patch"],
            _ => std::slice::from_ref(&self.verb),
        }
    }

    pub(crate) fn missing_rule(&self, verbs: &[&str]) -> String {
        let Self { resource, name, namespace, .. } = self;
        let verbs = verbs.join(", ");
        let group = match *resource {
            "cronjobs" => "batch",
            "deployments" => "apps",
            "events" => "events.k8s.io",
            "leases" => "coordination.k8s.io",
            _ => "",
        };
        let names = if name.is_empty() { String::new() } else { format!("resourceNames [{name}], ") };
        let scope = namespace.map_or_else(|| "cluster-wide".into(), |namespace| format!("in namespace {namespace}"));
        let rule = format!("apiGroups [{group:?}], resources [{resource}], {names}verbs [{verbs}]");
        format!("RBAC does not allow it: grant {scope}: {rule}")
    }
}

/// Returns whether the server denied a request without a known reason.
pub(crate) fn is_unexplained(error: &kube::Error) -> bool {
    let unexplained = |status: &Status| status.code == 403 && !is_terminating(status) && explanation(status).is_none();
    matches!(error, kube::Error::Api(status) if unexplained(status))
}

/// Returns whether the path does not exist. For a list, this means that the server has no such objects.
pub(crate) fn is_absent(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// Translates an error, with its kind.
pub(crate) fn translate(error: &kube::Error, context: &RequestContext<'_>) -> Error {
    let failed = |code, cause: &str| context.failed(code, cause);
    match error {
        kube::Error::Api(status) => from_status(status, context),
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => failed(&codes::ANSWER, NO_API),
        kube::Error::BuildRequest(_) | kube::Error::HttpError(_) => failed(&BUG, "the request is not valid"),
        kube::Error::Service(own) if let Some(own) = own.downcast_ref::<Error>() => failed(own.code(), &own.chain()),
        _ => match unreachable::cause(error) {
            // A retry does not help.
            Cause::Untrusted(why) => failed(&codes::UNTRUSTED, &format!("{UNTRUSTED}: {why}")),
            Cause::Network(why) => failed(&codes::UNREACHABLE, &format!("{UNREACHABLE}: {why}")),
            Cause::Unknown => failed(&codes::UNREACHABLE, UNREACHABLE),
        },
    }
}

fn from_status(status: &Status, context: &RequestContext<'_>) -> Error {
    let failed = |code, cause: String| context.failed(code, &cause);
    let answer = || match word(&status.reason) {
        Some(reason) => format!("HTTP {} {reason}", status.code),
        None => format!("HTTP {}", status.code),
    };
    let retry_after = status.details.as_ref().map(|details| u64::from(details.retry_after_seconds));
    let retry_after = retry_after.filter(|seconds| *seconds > 0).map(Duration::from_secs);
    match status.code {
        0 => failed(&codes::UNREACHABLE, NO_API.into()),
        400 if status.message.contains("HTTP request to an HTTPS server") => {
            failed(&codes::NOT_KUBERNETES, "the server speaks HTTPS, and its address begins with http://".into())
        }
        401 => failed(&codes::CREDENTIALS, UNAUTHORIZED.into()),
        403 if is_terminating(status) => gone(context, "is being deleted"),
        403 | 422 if let Some(why) = explanation(status) => failed(&codes::ADMISSION, why),
        403 => failed(&codes::FORBIDDEN, context.missing_rule(context.verbs())),
        404 if status.reason == UNREADABLE => {
            let cause = format!("{NO_API} (HTTP 404), so the path of the server's address may be wrong");
            failed(&codes::UNREACHABLE, cause)
        }
        404 if is_about_namespace(status) => gone(context, "does not exist"),
        404 => failed(&codes::CONFLICT, "it was deleted meanwhile (HTTP 404)".into()),
        410 => failed(&codes::CONFLICT, "its version is too old (HTTP 410)".into()),
        409 | 422 if is_about(status, "type") => refusal::wrong_type(None).into(),
        422 if status.message.contains("when `immutable` is set") => refusal::immutable().into(),
        409 => failed(&codes::CONFLICT, format!("another writer changed {} meanwhile (HTTP 409)", fields(status))),
        413 => failed(&codes::TOO_LARGE_OBJECT, "it is too large for the API server (HTTP 413)".into()),
        422 => {
            failed(&codes::NOT_ACCEPTED, format!("the API server does not accept {} ({})", fields(status), answer()))
        }
        429 => failed(&codes::THROTTLED, answer()).with_retry_after(retry_after),
        500.. => failed(&codes::UNREACHABLE, answer()).with_retry_after(retry_after),
        _ => failed(&codes::ANSWER, answer()),
    }
}

/// Returns the error of a namespace that does not exist or is being deleted.
pub(crate) fn gone(context: &RequestContext<'_>, how: &str) -> Error {
    context.failed(&codes::NAMESPACE, &format!("the namespace {how}"))
}

/// Returns whether an admission policy denied the request.
pub(crate) fn is_by_policy(status: &Status) -> bool {
    matches!(status.code, 403 | 422) && status.message.contains("ValidatingAdmissionPolicy")
}

/// Describes what denied the request, other than RBAC.
fn explanation(status: &Status) -> Option<String> {
    let called = |after: &str| {
        let name = status.message.split_once(after).map_or("", |(_, rest)| rest);
        let end = name.find(|it: char| !(it.is_ascii_lowercase() || it.is_ascii_digit() || "-.".contains(it)));
        let name = &name[..end.unwrap_or(name.len()).min(LONGEST_NAME)];
        if name.is_empty() { String::new() } else { format!(" {name}") }
    };
    let says = |text: &str| status.message.contains(text);
    if says("exceeded quota") || says("unknown for quota") || says("failed quota") {
        Some(format!("the quota{} of the namespace is used up", called("quota: ")))
    } else if says("admission webhook") {
        Some(format!("the admission webhook{} denied it", called("admission webhook \"")))
    } else if says("ValidatingAdmissionPolicy") {
        let name = called("ValidatingAdmissionPolicy '");
        // A changed policy takes some seconds to reach all API servers.
        let just_now = if name.starts_with(" regcred") {
            ": apply the objects of `regcred manifests` for the present config; if you did so just now, try again in a minute"
        } else {
            ""
        };
        Some(format!("the admission policy{name} denied it{just_now}"))
    } else {
        None
    }
}

/// Returns whether an answer is about only one field, such as `type` or `.type`.
fn is_about(status: &Status, field: &str) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes).collect::<Vec<_>>();
    !causes.is_empty() && causes.iter().all(|cause| cause.field.trim_start_matches('.') == field)
}

/// Returns whether the namespace is being deleted. Nothing can be created there any more.
fn is_terminating(status: &Status) -> bool {
    status.details.iter().flat_map(|details| &details.causes).any(|cause| cause.reason == "NamespaceTerminating")
}

fn is_about_namespace(status: &Status) -> bool {
    status.details.as_ref().is_some_and(|details| details.kind == "namespaces")
}

/// Returns the fields that an answer is about, such as `.type`. Returns "it" if the answer names no field.
fn fields(status: &Status) -> String {
    let known = |field: &&str| {
        !field.is_empty()
            && field.len() <= 64
            && field.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-[]".contains(&byte))
    };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let fields = causes.map(|cause| cause.field.as_str()).filter(known).take(5).collect::<Vec<_>>();
    if fields.is_empty() { "it".into() } else { format!("its {}", fields.join(", ")) }
}

/// Returns the text if it is a reason of the API, which has only letters.
fn word(text: &str) -> Option<&str> {
    (!text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphabetic())).then_some(text)
}

#[cfg(test)]
mod tests {
    use regcred_core::ErrorKind;
    use serde_json::json;

    use super::*;

    const CONTEXT: RequestContext<'_> =
        RequestContext { verb: "patch", resource: "secrets", namespace: Some("team-a"), name: "ecr-secret" };

    fn translated(status: serde_json::Value) -> Error {
        let status = serde_json::from_value::<Status>(status).expect("a Status");
        translate(&kube::Error::Api(Box::new(status)), &CONTEXT)
    }

    #[test]
    fn status_codes_map_to_error_kinds() {
        let cases = [
            (401, ErrorKind::Unauthenticated),
            (403, ErrorKind::Denied),
            (404, ErrorKind::Conflict),
            (409, ErrorKind::Conflict),
            (422, ErrorKind::Refused),
            (429, ErrorKind::Throttled),
            (500, ErrorKind::Unreachable),
            (503, ErrorKind::Unreachable),
            (400, ErrorKind::Malformed),
            (410, ErrorKind::Conflict),
            (0, ErrorKind::Unreachable),
        ];
        for (code, kind) in cases {
            let error = translated(json!({ "code": code, "message": "canary", "reason": "can ary" }));
            assert_eq!(error.kind(), kind, "{code}");
            assert!(!format!("{error:?}").contains("ary"), "{error:?}");
        }
    }

    #[test]
    fn a_missing_permission_names_the_rule() {
        let error = translated(json!({ "code": 403 }));
        assert_eq!(
            error.chain(),
            "cannot patch secrets ecr-secret in namespace team-a: RBAC does not allow it: grant in namespace team-a: \
             apiGroups [\"\"], resources [secrets], resourceNames [ecr-secret], verbs [create, patch]"
        );
    }

    #[test]
    fn a_terminating_or_absent_namespace_is_not_reported_as_a_missing_permission() {
        let causes = json!([{ "reason": "NamespaceTerminating", "message": "m", "field": "f" }]);
        let terminating = translated(json!({ "code": 403, "details": { "causes": causes } }));
        assert_eq!(
            (terminating.kind(), terminating.chain().as_str()),
            (ErrorKind::Gone, "cannot patch secrets ecr-secret in namespace team-a: the namespace is being deleted")
        );
        let absent = translated(json!({ "code": 404, "details": { "kind": "namespaces", "name": "team-a" } }));
        assert_eq!(
            (absent.kind(), absent.chain().as_str()),
            (ErrorKind::Gone, "cannot patch secrets ecr-secret in namespace team-a: the namespace does not exist")
        );
    }

    #[test]
    fn only_an_unexplained_refusal_causes_an_access_review() {
        let asked = |status: serde_json::Value| {
            let status = serde_json::from_value::<Status>(status).expect("a Status");
            is_unexplained(&kube::Error::Api(Box::new(status)))
        };
        assert!(asked(json!({ "code": 403, "message": "secrets \"x\" is forbidden: User \"a\" cannot patch" })));
        let causes = json!([{ "reason": "NamespaceTerminating", "message": "m", "field": "f" }]);
        assert!(!asked(json!({ "code": 403, "details": { "causes": causes } })));
        assert!(!asked(json!({ "code": 403, "message": "exceeded quota: q" })));
        assert!(!asked(json!({ "code": 401 })));
    }

    #[test]
    fn a_refusal_is_reported_with_its_fields_and_its_cause() {
        let causes = json!([{ "reason": "FieldManagerConflict", "message": "canary", "field": ".data.x" }, { "field": "can ary" }]);
        let error = translated(json!({ "code": 422, "reason": "Invalid", "details": { "causes": causes } }));
        assert!(error.chain().ends_with("does not accept its .data.x (HTTP 422 Invalid)"), "{error:?}");
        let denied = [
            ("exceeded quota: q-1, requested: canary", "the quota q-1 of the namespace is used up"),
            ("status unknown for quota: Q", "the quota of the namespace is used up"),
            ("admission webhook \"p.example\" denied the request: canary", "the admission webhook p.example denied it"),
            ("ValidatingAdmissionPolicy 'p' with binding 'canary' denied request", "the admission policy p denied it"),
            (
                "ValidatingAdmissionPolicy 'regcred-ux-guard-secrets' with binding 'canary' denied request",
                "the admission policy regcred-ux-guard-secrets denied it: apply the objects of `regcred manifests` for the present \
                 config; if you did so just now, try again in a minute",
            ),
        ];
        for (message, cause) in denied {
            for code in [403, 422] {
                let error = translated(json!({ "code": code, "message": message }));
                assert_eq!(error.kind(), ErrorKind::Denied);
                assert!(error.chain().ends_with(cause) && !error.chain().contains("canary"), "{error:?}");
            }
        }
    }

    #[test]
    fn a_wrong_type_or_an_immutable_secret_is_refused() {
        for (code, field) in [(409, ".type"), (422, "type")] {
            let causes = json!([{ "reason": "FieldValueInvalid", "message": "canary", "field": field }]);
            let error = translated(json!({ "code": code, "details": { "causes": causes } }));
            assert_eq!(error.kind(), ErrorKind::Refused);
            assert!(error.chain().contains("wrong-type: "), "{error:?}");
        }
        let message = "data: Forbidden: field is immutable when `immutable` is set";
        let error = translated(json!({ "code": 422, "message": message }));
        assert!(error.kind() == ErrorKind::Refused && error.chain().contains("immutable: "), "{error:?}");
    }

    #[test]
    fn the_retry_after_of_the_server_is_kept() {
        let error = translated(json!({ "code": 429, "details": { "retryAfterSeconds": 32 } }));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(32)));
    }
}
