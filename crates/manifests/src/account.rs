//! The ServiceAccount that regcred runs as.

use std::collections::BTreeMap;

/// The `ServiceAccount` that regcred runs as. Default: one is made, with the name of the installation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Its name. Default: `regcred`, or `regcred-INSTANCE`.
    pub name: Option<String>,
    /// Whether it exists already: then it is not made, and the rights are bound to it.
    pub exists: bool,
    /// Its annotations, beside those of the identity.
    pub annotations: BTreeMap<String, String>,
}
