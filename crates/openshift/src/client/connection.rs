//! Which connection is asked for.

use std::path::PathBuf;

use regcred_core::{Error, ErrorKind};

/// How to reach a cluster. Default: the current context of the files that `KUBECONFIG` names. Without that variable, a pod uses its
/// ServiceAccount, and all others use `~/.kube/config`.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// This kubeconfig, also inside a cluster.
    pub kubeconfig: Option<PathBuf>,
    /// This context of the kubeconfig, also inside a cluster.
    pub context: Option<String>,
}

pub(crate) fn unusable(what: &str, reason: String) -> Error {
    Error::new(ErrorKind::Invalid, format!("cannot use {what}")).with_cause(reason)
}
