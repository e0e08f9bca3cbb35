//! The requests and limits of the pod.

use serde_json::{Value, json};

/// Returns requests and limits that fit ten thousand namespaces.
///
/// A pass uses 14 MiB for one namespace and 77 MiB for ten thousand. A daemon uses 43 MiB for ten thousand.
/// CONTRIBUTING.md has the measurements.
pub(crate) fn resources() -> Value {
    json!({ "requests": { "cpu": "10m", "memory": "48Mi" }, "limits": { "memory": "256Mi" } })
}
