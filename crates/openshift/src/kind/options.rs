//! The options of a sink of type `openshift` or `kubernetes`.

use std::path::PathBuf;

use regcred_config::maybe_path;
use schemars::JsonSchema;
use serde::Deserialize;

/// An OpenShift or Kubernetes cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenShiftOptions {
    /// Path of a kubeconfig. Default: the files of `KUBECONFIG`, otherwise the ServiceAccount of the pod, otherwise
    /// `~/.kube/config`.
    #[serde(default, deserialize_with = "maybe_path")]
    #[schemars(with = "Option<PathBuf>")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig. Default: its current context.
    pub context: Option<String>,
    /// Required URL of the API server: HTTPS, or HTTP on loopback. regcred does nothing if the URL differs. Default:
    /// any.
    #[schemars(regex(pattern = r"^https?://[^/?#@\s]+(/[^?#\s]*)?$"))]
    pub server: Option<String>,
}
