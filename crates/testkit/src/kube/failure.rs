//! API errors: the `Status` object.

use serde_json::{Value, json};

use super::kind::Key;

/// An error response.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    pub(super) status: u16,
    pub(super) retry_after: Option<u64>,
    reason: String,
    message: String,
    details: Value,
}

/// A problem with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) field: String,
}

impl Cause {
    pub(super) fn new(reason: &'static str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), field: field.into() }
    }

    fn to_json(&self) -> Value {
        json!({ "reason": self.reason, "message": self.message, "field": self.field })
    }
}

impl Failure {
    pub(super) fn new(status: u16, reason: &str, message: impl Into<String>) -> Self {
        Self { status, retry_after: None, reason: reason.to_owned(), message: message.into(), details: json!({}) }
    }

    pub(super) fn with_retry_after(mut self, seconds: Option<u64>) -> Self {
        self.retry_after = seconds;
        if let Some(seconds) = seconds {
            self.details["retryAfterSeconds"] = seconds.into();
        }
        self
    }

    fn about(mut self, kind: &str, name: &str) -> Self {
        self.details["kind"] = kind.into();
        self.details["name"] = name.into();
        self
    }

    fn caused_by(mut self, causes: &[Cause]) -> Self {
        self.details["causes"] = causes.iter().map(Cause::to_json).collect();
        self
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(super) fn unknown_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    pub(super) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message)
    }

    pub(super) fn not_found(key: &Key) -> Self {
        let resource = key.kind.resource();
        Self::new(404, "NotFound", format!("{resource} \"{}\" not found", key.name)).about(resource, &key.name)
    }

    pub(super) fn already_exists(key: &Key) -> Self {
        let resource = key.kind.resource();
        Self::new(409, "AlreadyExists", format!("{resource} \"{}\" already exists", key.name))
            .about(resource, &key.name)
    }

    /// Returns the error for a failed precondition.
    pub(super) fn conflict(key: &Key, message: &str) -> Self {
        let (resource, name) = (key.kind.resource(), &key.name);
        let message = format!("Operation cannot be fulfilled on {resource} \"{name}\": {message}");
        Self::new(409, "Conflict", message).about(resource, name)
    }

    /// Returns the error for a write that is based on an outdated version.
    pub(super) fn stale(key: &Key) -> Self {
        let message = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(key, message)
    }

    /// Returns the error for an apply that conflicts with other field managers.
    pub(super) fn owned_by_others(causes: &[Cause]) -> Self {
        let fields = causes.iter().map(|cause| format!("{}: {}", cause.message, cause.field)).collect::<Vec<_>>();
        let noun = if causes.len() == 1 { "conflict" } else { "conflicts" };
        let message = format!("Apply failed with {} {noun}: {}", causes.len(), fields.join("\n- "));
        Self::new(409, "Conflict", message).caused_by(causes)
    }

    pub(super) fn invalid(key: &Key, causes: &[Cause]) -> Self {
        Self::invalid_object(key.kind.name(), &key.name, causes)
    }

    pub(super) fn invalid_object(kind: &str, name: &str, causes: &[Cause]) -> Self {
        let faults = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect::<Vec<_>>();
        let faults = if faults.len() == 1 { faults.concat() } else { format!("[{}]", faults.join(", ")) };
        let message = format!("{kind} \"{name}\" is invalid: {faults}");
        Self::new(422, "Invalid", message).about(kind, name).caused_by(causes)
    }

    /// Returns the error for a create in a terminating namespace.
    pub(super) fn terminating(key: &Key) -> Self {
        let (resource, name, namespace) = (key.kind.resource(), &key.name, &key.namespace);
        let because = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let message = format!("{resource} \"{name}\" is forbidden: {because}");
        let message_of_cause = format!("namespace {namespace} is being terminated");
        Self::new(403, "Forbidden", message).about(resource, name).caused_by(&[Cause::new(
            "NamespaceTerminating",
            "metadata.namespace",
            message_of_cause,
        )])
    }

    /// Returns the error for a Secret that exceeds the quota.
    pub(super) fn over_quota(key: &Key) -> Self {
        let (resource, name) = (key.kind.resource(), &key.name);
        let because = "exceeded quota: q, requested: secrets=1, used: secrets=0, limited: secrets=0";
        Self::new(403, "Forbidden", format!("{resource} \"{name}\" is forbidden: {because}")).about(resource, name)
    }

    /// Returns the error for a request that an admission webhook denied.
    pub(super) fn by_webhook() -> Self {
        Self::new(403, "Forbidden", "admission webhook \"policy.example.com\" denied the request: because")
    }

    /// Returns the error for a request that the access rules deny.
    pub(super) fn forbidden(verb: &str, resource: &str, namespace: Option<&str>, name: Option<&str>) -> Self {
        let object = name.map_or_else(|| resource.to_owned(), |name| format!("{resource} \"{name}\""));
        let scope =
            namespace.map_or_else(|| "at the cluster scope".to_owned(), |it| format!("in the namespace \"{it}\""));
        let group = match resource {
            "cronjobs" => "batch",
            "deployments" => "apps",
            _ => "",
        };
        let message = format!(
            "{object} is forbidden: User \"fake\" cannot {verb} resource \"{resource}\" in API group {group:?} {scope}"
        );
        let mut failure = Self::new(403, "Forbidden", message);
        failure.details["kind"] = resource.into();
        if let Some(name) = name {
            failure.details["name"] = name.into();
        }
        failure
    }

    /// Returns the `Status` object.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.status,
        })
    }
}
