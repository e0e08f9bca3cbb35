//! The options of a sink of type `openshift` or `kubernetes`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::names::path::maybe_path;

/// The types of sinks that keep Secrets in a cluster.
pub const CLUSTERS: [&str; 2] = ["kubernetes", "openshift"];

/// A cluster, which may as well be plain Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenShiftOptions {
    /// A kubeconfig. Default: the files of `KUBECONFIG`; else in a pod its ServiceAccount; else `~/.kube/config`.
    #[serde(default, deserialize_with = "maybe_path")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<PathBuf>"))]
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig. Default: its current one.
    pub context: Option<String>,
    /// The URL that the API server has to have, or nothing is done: HTTPS, or HTTP on loopback. Default: any.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^https?://[^/?#@\s]+(/[^?#\s]*)?$")))]
    pub server: Option<String>,
}
