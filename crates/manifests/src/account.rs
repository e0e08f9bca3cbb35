//! The ServiceAccount that regcred runs as.

use std::collections::BTreeMap;

/// The `ServiceAccount` that regcred runs as. By default regcred creates one with the name of the installation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Name of the `ServiceAccount`. Default: `regcred`, or `regcred-INSTANCE`.
    pub name: Option<String>,
    /// Whether the `ServiceAccount` already exists. If it does, the manifests do not create it, but bind the rights to
    /// it.
    pub exists: bool,
    /// Annotations in addition to those of the identity.
    pub annotations: BTreeMap<String, String>,
}
