//! The choice of a cluster.

use std::path::PathBuf;

use regcred_core::Error;

use crate::codes;

/// The choice of a cluster.
///
/// Default: the current context of the files that `KUBECONFIG` names. Without that variable, a pod uses its
/// ServiceAccount, and any other program uses `~/.kube/config`.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Path of a kubeconfig. It also applies in a pod.
    pub kubeconfig: Option<PathBuf>,
    /// Name of a context. It also applies in a pod.
    pub context: Option<String>,
}

pub(crate) fn unusable(what: &str, reason: String) -> Error {
    Error::new(&codes::KUBECONFIG, format!("cannot use {what}")).with_cause(reason)
}
