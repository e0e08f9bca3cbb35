//! The one place that reads errors of the client. They are translated, never wrapped: their text may quote an answer.

use std::time::Duration;

use kube::core::Status;
use regcred_core::{Error, ErrorKind};

/// What was being done: `patch`, `Secret ecr-secret in team-a`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doing<'a> {
    pub(crate) verb: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: &'a str,
}

impl Doing<'_> {
    pub(crate) fn describe(&self) -> String {
        let Self { verb, resource, name, .. } = self;
        match self.namespace {
            Some(namespace) => format!("{verb} {resource} {name} in namespace {namespace}"),
            None => format!("{verb} {resource} {name}"),
        }
    }

    fn missing_rule(&self) -> String {
        let Self { verb, resource, name, namespace } = self;
        let scope = namespace.map_or_else(|| "cluster-wide".into(), |namespace| format!("in namespace {namespace}"));
        format!("grant {scope}: apiGroups [\"\"], resources [{resource}], resourceNames [{name}], verbs [{verb}]")
    }
}

/// Says what failed and of which sort it is.
pub(crate) fn translate(error: &kube::Error, doing: &Doing<'_>) -> Error {
    let failed = |kind, cause: &str| Error::new(kind, format!("could not {}", doing.describe())).with_cause(cause);
    match error {
        kube::Error::Api(status) => from_status(status, doing),
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
            failed(ErrorKind::Malformed, "the answer is not that of a Kubernetes API; is there a proxy?")
        }
        kube::Error::Auth(_) => failed(ErrorKind::Denied, "the credentials of the kubeconfig cannot be used"),
        kube::Error::BuildRequest(_) | kube::Error::HttpError(_) => {
            failed(ErrorKind::Bug, "the request could not be made")
        }
        _ if text_of(error).any(|text| text.contains("certificate")) => {
            failed(ErrorKind::Unreachable, "the API server's certificate is not trusted")
        }
        _ => failed(ErrorKind::Unreachable, "the connection to the API server failed"),
    }
}

fn from_status(status: &Status, doing: &Doing<'_>) -> Error {
    let failed = |kind, cause: String| Error::new(kind, format!("could not {}", doing.describe())).with_cause(cause);
    let answer = || match word(&status.reason) {
        Some(reason) => format!("HTTP {} {reason}", status.code),
        None => format!("HTTP {}", status.code),
    };
    let retry_after = status.details.as_ref().map(|details| u64::from(details.retry_after_seconds));
    let retry_after = retry_after.filter(|seconds| *seconds > 0).map(Duration::from_secs);
    match status.code {
        0 => failed(ErrorKind::Unreachable, "the answer is not that of a Kubernetes API; is there a proxy?".into()),
        401 => failed(ErrorKind::Denied, "the API server does not accept the credentials (HTTP 401)".into()),
        403 if is_terminating(status) => gone(doing, "is being deleted"),
        403 => failed(ErrorKind::Denied, doing.missing_rule()),
        404 if is_about_namespace(status) => gone(doing, "does not exist"),
        404 => failed(ErrorKind::Conflict, "it vanished meanwhile (HTTP 404)".into()),
        410 => failed(ErrorKind::Conflict, "it is outdated meanwhile (HTTP 410)".into()),
        409 => failed(ErrorKind::Conflict, "somebody else wrote it meanwhile (HTTP 409)".into()),
        413 | 422 => failed(ErrorKind::Refused, format!("the API server does not accept it ({})", answer())),
        429 => failed(ErrorKind::Throttled, answer()).with_retry_after(retry_after),
        500.. => failed(ErrorKind::Unreachable, answer()).with_retry_after(retry_after),
        _ => failed(ErrorKind::Malformed, answer()),
    }
}

/// The place itself is gone or going.
pub(crate) fn gone(doing: &Doing<'_>, how: &str) -> Error {
    Error::new(ErrorKind::Gone, format!("namespace {} {how}", doing.namespace.unwrap_or(doing.name)))
}

/// Whether a refusal means that the namespace is being deleted: nothing can be created there any more.
fn is_terminating(status: &Status) -> bool {
    status.details.iter().flat_map(|details| &details.causes).any(|cause| cause.reason == "NamespaceTerminating")
}

fn is_about_namespace(status: &Status) -> bool {
    status.details.as_ref().is_some_and(|details| details.kind == "namespaces")
}

/// A reason as the API knows them: letters alone.
fn word(text: &str) -> Option<&str> {
    (!text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphabetic())).then_some(text)
}

/// For looking into, not for quoting.
fn text_of(error: &dyn std::error::Error) -> impl Iterator<Item = String> {
    std::iter::successors(Some(error), |error| (*error).source()).map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DOING: Doing<'_> =
        Doing { verb: "patch", resource: "secrets", namespace: Some("team-a"), name: "ecr-secret" };

    fn translated(status: serde_json::Value) -> Error {
        let status = serde_json::from_value::<Status>(status).expect("a Status");
        translate(&kube::Error::Api(Box::new(status)), &DOING)
    }

    #[test]
    fn answers_are_sorted_by_what_to_do() {
        let cases = [
            (401, ErrorKind::Denied),
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
            "could not patch secrets ecr-secret in namespace team-a: grant in namespace team-a: apiGroups [\"\"], \
             resources [secrets], resourceNames [ecr-secret], verbs [patch]"
        );
    }

    #[test]
    fn a_namespace_that_goes_or_is_gone_is_told_apart_from_a_missing_permission() {
        let causes = json!([{ "reason": "NamespaceTerminating", "message": "m", "field": "f" }]);
        let terminating = translated(json!({ "code": 403, "details": { "causes": causes } }));
        assert_eq!(
            (terminating.kind(), terminating.to_string().as_str()),
            (ErrorKind::Gone, "namespace team-a is being deleted")
        );
        let absent = translated(json!({ "code": 404, "details": { "kind": "namespaces", "name": "team-a" } }));
        assert_eq!((absent.kind(), absent.to_string().as_str()), (ErrorKind::Gone, "namespace team-a does not exist"));
    }

    #[test]
    fn the_pause_that_the_server_asks_for_is_kept() {
        let error = translated(json!({ "code": 429, "details": { "retryAfterSeconds": 32 } }));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(32)));
    }
}
