//! The ServiceAccounts that use a Secret.

use regcred_config::{AccountLink, LinkName};

use crate::group::{Accounts, TargetSettings};

/// The ServiceAccounts of builds on OpenShift, which also push.
pub const BUILDERS: [&str; 2] = ["builder", "pipeline"];
/// The ServiceAccount of pods that name none.
const DEFAULT: &str = "default";

/// A ServiceAccount that uses a Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct ServiceAccountLink {
    /// Its name.
    pub account: String,
    /// Whether `imagePullSecrets` names the Secret.
    pub pull: bool,
    /// Whether `secrets` names the Secret.
    pub mount: bool,
    /// Whether regcred waits until the ServiceAccount exists.
    pub is_expected: bool,
}

/// Returns the ServiceAccounts that use a Secret. A Secret of another owner already has users, so only those of the
/// config are added.
pub(crate) fn links(settings: &TargetSettings) -> Vec<ServiceAccountLink> {
    match &settings.accounts {
        Accounts::These(accounts) => accounts.iter().map(named).collect(),
        _ if settings.secret.merge.is_on() => vec![],
        Accounts::Builders => builders().collect(),
        Accounts::Usual => {
            let default = ServiceAccountLink { account: DEFAULT.into(), pull: true, mount: false, is_expected: true };
            std::iter::once(default).chain(builders()).collect()
        }
    }
}

/// Returns the ServiceAccounts that use a Secret if the config names none, in alphabetical order.
pub fn usual_accounts() -> [&'static str; 3] {
    let [builder, pipeline] = BUILDERS;
    [builder, DEFAULT, pipeline]
}

fn builders() -> impl Iterator<Item = ServiceAccountLink> {
    let builder =
        |account: &str| ServiceAccountLink { account: account.into(), pull: true, mount: true, is_expected: false };
    BUILDERS.into_iter().map(builder)
}

fn named(AccountLink { name, link }: &AccountLink) -> ServiceAccountLink {
    let mount = link.contains(&LinkName::Mount);
    let pull = link.contains(&LinkName::Pull) || !mount;
    ServiceAccountLink { account: name.clone(), pull, mount, is_expected: true }
}
