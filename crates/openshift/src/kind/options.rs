//! The options of a sink of type `openshift` or `kubernetes`.

use std::path::PathBuf;

use regcred_config::maybe_path;
use schemars::JsonSchema;
use serde::Deserialize;

/// A cluster, which may as well be plain Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenShiftOptions {
    /// A kubeconfig. Default: the files of `KUBECONFIG`; else in a pod its ServiceAccount; else `~/.kube/config`.
    #[serde(default, deserialize_with = "maybe_path")]
    #[schemars(with = "Option<PathBuf>")]
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig. Default: its current one.
    pub context: Option<String>,
    /// The URL that the API server has to have, or nothing is done: HTTPS, or HTTP on loopback. Default: any.
    #[schemars(regex(pattern = r"^https?://[^/?#@\s]+(/[^?#\s]*)?$"))]
    pub server: Option<String>,
}
