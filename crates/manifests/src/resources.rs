//! The requests and limits of the pod.

use serde_json::{Value, json};

/// Requests and limits that fit ten thousand namespaces.
///
/// A pass takes 14 MiB for one namespace and 77 MiB for ten thousand. A daemon of ten thousand takes 43 MiB. CONTRIBUTING.md has the
/// figures.
pub(crate) fn resources() -> Value {
    json!({ "requests": { "cpu": "10m", "memory": "48Mi" }, "limits": { "memory": "256Mi" } })
}
