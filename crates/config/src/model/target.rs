//! One entry of `targets:`.

use regcred_core::StoreName;

use crate::{AccountLink, Namespaces, Origin, SecretSettings, Spec, Wants};

/// One entry of `targets:`: namespaces, what they need a login for, and how the Secret is kept there.
#[derive(Clone, Debug)]
pub struct TargetEntry {
    /// Where the Secret is kept. None, if the options of another type of sink say where.
    pub namespaces: Namespaces,
    /// The logins that it gets.
    pub wants: Wants,
    /// Which entry of `sinks:` keeps it; `None`: the only one.
    pub sink: Option<StoreName>,
    /// How it is kept.
    pub secret: SecretSettings,
    /// The ServiceAccounts that use the Secret. `None`: `default` to pull, and `builder` and `pipeline`, where they exist, to pull and to
    /// push. A Secret of another owner gets no more users.
    pub accounts: Option<Vec<AccountLink>>,
    /// The keys that the type of its sink alone understands, such as `path`. `None`: the type has no such keys.
    pub options: Option<Spec>,
    /// Its place in the config.
    pub origin: Origin,
}
