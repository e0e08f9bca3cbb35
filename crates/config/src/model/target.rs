//! One entry of `targets:`.

use regcred_core::StoreName;

use crate::{AccountLink, Namespaces, Origin, Registries, SecretSettings, Wants};

/// One entry of `targets:`: namespaces, what they need a login for, and how the Secret is kept there.
#[derive(Clone, Debug)]
pub struct TargetEntry {
    /// Where the Secret is kept.
    pub namespaces: Namespaces,
    /// What it opens.
    pub wants: Wants,
    /// Which entry of `sinks:` keeps it; `None`: the only one.
    pub sink: Option<StoreName>,
    /// How it is kept.
    pub secret: SecretSettings,
    /// Who uses it; `None`: `default` to pull, `builder` and `pipeline`, where they exist, to pull and to push; of a Secret that is
    /// merged into, nobody else.
    pub accounts: Option<Vec<AccountLink>>,
    /// Where it stands in the configuration.
    pub origin: Origin,
}

/// The registries of an entry that has a fault, with the place of the entry. Whether they exist, the provider knows.
#[derive(Clone, Debug)]
pub(crate) struct Doubtful {
    pub(crate) registries: Registries,
    pub(crate) origin: Origin,
}
