//! A request, parsed from its path, query and headers before the body is read.

use std::collections::HashMap;

use axum::{
    extract::Query,
    http::{HeaderMap, Method, Uri, request::Parts},
};

use super::{kind::Kind, record::Request};

/// A request in terms of the Kubernetes API.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) verb: &'static str,
    pub(super) place: Endpoint,
    pub(super) query: HashMap<String, String>,
    pub(super) form: Form,
    pub(super) content_type: String,
    agent: String,
    path: String,
}

/// The place that the path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Version,
    AccessReview,
    SelfReview,
    Policies,
    /// All objects of a kind, in one namespace or in all.
    Collection(Kind, Option<String>),
    /// One object: kind, namespace (empty for namespaces) and name.
    Object(Kind, String, String),
    Unknown,
}

/// The format of the answer that the client accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Whole,
    Metadata,
    /// A format that this server does not support, such as tables.
    Other,
}

pub(super) const MERGE_PATCH: &str = "application/merge-patch+json";
pub(super) const JSON_PATCH: &str = "application/json-patch+json";
pub(super) const APPLY_PATCH: &str = "application/apply-patch+yaml";

impl Asked {
    pub(super) fn read(parts: &Parts) -> Self {
        let place = endpoint(parts.uri.path());
        let query = query(&parts.uri);
        let content_type = header(&parts.headers, "content-type").split(';').next().unwrap_or_default().trim();
        Self {
            verb: verb(&parts.method, &place, &query),
            place,
            form: form(header(&parts.headers, "accept")),
            content_type: content_type.to_owned(),
            agent: header(&parts.headers, "user-agent").to_owned(),
            path: parts.uri.path().to_owned(),
            query,
        }
    }

    /// Returns the field manager: the one in the query, or else the program in the user agent.
    pub(super) fn manager(&self) -> &str {
        match self.query.get("fieldManager") {
            Some(manager) if !manager.is_empty() => manager,
            _ => match self.agent.split('/').next() {
                Some(agent) if !agent.is_empty() => agent,
                _ => "unknown",
            },
        }
    }

    pub(super) fn is_apply(&self) -> bool {
        self.verb == "patch" && self.content_type == APPLY_PATCH
    }

    /// Returns whether a query parameter is true.
    pub(super) fn is_set(&self, switch: &str) -> bool {
        self.query.get(switch).is_some_and(|value| value == "true" || value == "1")
    }

    pub(super) fn dry_run(&self) -> bool {
        self.query.get("dryRun").is_some_and(|value| value == "All")
    }

    /// Returns what an authorizer checks: resource, namespace and name.
    pub(super) fn attributes(&self) -> (&str, Option<&str>, Option<&str>) {
        match &self.place {
            Endpoint::Collection(kind, namespace) => (kind.resource(), namespace.as_deref(), None),
            Endpoint::Object(Kind::Namespace, _, name) => ("namespaces", Some(name), Some(name)),
            Endpoint::Object(kind, namespace, name) => (kind.resource(), Some(namespace), Some(name)),
            Endpoint::AccessReview => ("selfsubjectaccessreviews", None, None),
            Endpoint::SelfReview => ("selfsubjectreviews", None, None),
            Endpoint::Policies => ("validatingadmissionpolicies", None, None),
            Endpoint::Version | Endpoint::Unknown => (&self.path, None, None),
        }
    }

    pub(super) fn to_request(&self) -> Request {
        let (resource, namespace, name) = self.attributes();
        Request {
            verb: self.verb.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            metadata_only: self.form == Form::Metadata,
            apply: self.is_apply(),
            status: 0,
        }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn query(uri: &Uri) -> HashMap<String, String> {
    Query::try_from_uri(uri).map(|Query(query)| query).unwrap_or_default()
}

fn endpoint(path: &str) -> Endpoint {
    let parts = path.trim_matches('/').split('/').collect::<Vec<_>>();
    match parts[..] {
        ["version"] => Endpoint::Version,
        ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"] => Endpoint::AccessReview,
        ["apis", "authentication.k8s.io", "v1", "selfsubjectreviews"] => Endpoint::SelfReview,
        ["apis", "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies"] => Endpoint::Policies,
        ["api", "v1", "namespaces", name] => Endpoint::Object(Kind::Namespace, String::new(), name.to_owned()),
        ["api", "v1", ref rest @ ..] => place_of("v1", rest),
        ["apis", "apps", "v1", ref rest @ ..] => place_of("apps/v1", rest),
        ["apis", "batch", "v1", ref rest @ ..] => place_of("batch/v1", rest),
        ["apis", "template.openshift.io", "v1", ref rest @ ..] => place_of("template.openshift.io/v1", rest),
        _ => Endpoint::Unknown,
    }
}

/// Parses the path below a version.
fn place_of(version: &str, rest: &[&str]) -> Endpoint {
    let kind = |resource| Kind::of_resource(resource).filter(|kind| kind.version() == version);
    let namespaced = |resource| kind(resource).filter(|kind| *kind != Kind::Namespace);
    match *rest {
        [resource] => kind(resource).map_or(Endpoint::Unknown, |kind| Endpoint::Collection(kind, None)),
        ["namespaces", namespace, resource] => namespaced(resource)
            .map_or(Endpoint::Unknown, |kind| Endpoint::Collection(kind, Some(namespace.to_owned()))),
        ["namespaces", namespace, resource, name] => namespaced(resource)
            .map_or(Endpoint::Unknown, |kind| Endpoint::Object(kind, namespace.to_owned(), name.to_owned())),
        _ => Endpoint::Unknown,
    }
}

fn verb(method: &Method, place: &Endpoint, query: &HashMap<String, String>) -> &'static str {
    let collection = matches!(place, Endpoint::Collection(..) | Endpoint::Policies);
    let watch = query.get("watch").is_some_and(|value| value == "true" || value == "1");
    match method.as_str() {
        "GET" if collection && watch => "watch",
        "GET" if collection => "list",
        "GET" => "get",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" if collection => "deletecollection",
        "DELETE" => "delete",
        "HEAD" => "head",
        "OPTIONS" => "options",
        _ => "other",
    }
}

fn form(accept: &str) -> Form {
    if accept.contains("as=PartialObjectMetadata") {
        return Form::Metadata;
    }
    let plain = |kind: &str| {
        let mut parts = kind.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        matches!(name, "" | "*/*" | "application/*" | "application/json") && !parts.any(|part| part.starts_with("as="))
    };
    if accept.split(',').any(plain) { Form::Whole } else { Form::Other }
}

#[cfg(test)]
mod tests {
    use axum::http;

    use super::*;

    fn asked(method: &str, uri: &str, headers: &[(&str, &str)]) -> Asked {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Asked::read(&request.body(()).expect("valid").into_parts().0)
    }

    #[test]
    fn a_path_names_a_collection_or_an_object() {
        for (path, place) in [
            ("/version", Endpoint::Version),
            ("/api/v1/secrets", Endpoint::Collection(Kind::Secret, None)),
            ("/api/v1/namespaces", Endpoint::Collection(Kind::Namespace, None)),
            ("/api/v1/namespaces/a", Endpoint::Object(Kind::Namespace, String::new(), "a".into())),
            ("/api/v1/namespaces/a/secrets", Endpoint::Collection(Kind::Secret, Some("a".into()))),
            ("/api/v1/namespaces/a/serviceaccounts/b", Endpoint::Object(Kind::ServiceAccount, "a".into(), "b".into())),
            ("/api/v1/namespaces/a/pods", Endpoint::Unknown),
            ("/api/v1/namespaces/a/namespaces/b", Endpoint::Unknown),
            ("/api/v1/namespaces/a/secrets/b/status", Endpoint::Unknown),
            ("/apis/batch/v1/cronjobs", Endpoint::Collection(Kind::CronJob, None)),
            ("/apis/batch/v1/namespaces/a/cronjobs/b", Endpoint::Object(Kind::CronJob, "a".into(), "b".into())),
            ("/apis/template.openshift.io/v1/templates", Endpoint::Collection(Kind::Template, None)),
            ("/apis/batch/v1/secrets", Endpoint::Unknown),
            ("/apis/batch/v1beta1/cronjobs", Endpoint::Unknown),
            ("/api/v1/cronjobs", Endpoint::Unknown),
            ("/apis/apps/v1/statefulsets", Endpoint::Unknown),
        ] {
            assert_eq!(asked("GET", path, &[]).place, place, "{path}");
        }
    }

    #[test]
    fn a_query_is_decoded_and_a_watch_is_distinguished_from_a_list() {
        let asked_for = asked("GET", "/api/v1/secrets?fieldSelector=metadata.name%3Da&limit=5", &[]);
        assert_eq!((asked_for.verb, asked_for.query["fieldSelector"].as_str()), ("list", "metadata.name=a"));
        assert_eq!(asked("GET", "/api/v1/secrets?watch=true", &[]).verb, "watch");
    }

    #[test]
    fn the_manager_comes_from_the_query_or_the_user_agent() {
        let path = "/api/v1/namespaces/a/secrets/b";
        let agent = [("user-agent", "kubectl/v1.33.0 (linux/amd64)")];
        assert_eq!(asked("PUT", path, &agent).manager(), "kubectl");
        assert_eq!(asked("PUT", &format!("{path}?fieldManager=me"), &agent).manager(), "me");
        assert_eq!(asked("PUT", path, &[]).manager(), "unknown");
    }

    #[test]
    fn the_accepted_form_is_parsed_from_the_header() {
        for (accept, form) in [
            ("", Form::Whole),
            ("*/*", Form::Whole),
            ("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", Form::Metadata),
            ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", Form::Metadata),
            ("application/json;as=Table;g=meta.k8s.io;v=v1", Form::Other),
            ("application/json;as=Table;g=meta.k8s.io;v=v1, application/json", Form::Whole),
            ("application/vnd.kubernetes.protobuf", Form::Other),
        ] {
            assert_eq!(asked("GET", "/api/v1/secrets", &[("accept", accept)]).form, form, "{accept}");
        }
    }
}
