//! One entry of `targets:`.

use regcred_core::StoreName;

use crate::{AccountLink, Namespaces, Origin, SecretSettings, Spec, Wants};

/// One entry of `targets:`: namespaces, their logins, and the settings of the Secret.
#[derive(Clone, Debug)]
pub struct TargetEntry {
    /// The namespaces. Empty if the options of another type of sink give the place.
    pub namespaces: Namespaces,
    /// The logins that it gets.
    pub wants: Wants,
    /// The name of the entry of `sinks:` that keeps it. `None`: the only one.
    pub sink: Option<StoreName>,
    /// The settings of the Secret.
    pub secret: SecretSettings,
    /// The ServiceAccounts that use the Secret. `None`: `default` to pull, and `builder` and `pipeline`, if they exist,
    /// to pull and to push. A Secret of another owner gets no additional users.
    pub accounts: Option<Vec<AccountLink>>,
    /// The keys that only the type of its sink understands, such as `path`. `None`: the type has no such keys.
    pub options: Option<Spec>,
    /// Its place in the config.
    pub origin: Origin,
}
