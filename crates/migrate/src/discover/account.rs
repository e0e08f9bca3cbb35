//! Finds the ServiceAccounts that use a pull secret.

use std::collections::{HashMap, HashSet};

use k8s_openapi::api::core::v1::ServiceAccount;
use regcred_openshift::Link;

use super::found::{Address, Links, PullSecret, Use};

/// A `ServiceAccount` in a namespace with pull secrets, and the pull secrets that it uses.
#[derive(Debug)]
pub(super) struct Account {
    namespace: String,
    name: String,
    /// Whether each Secret is in `imagePullSecrets`, and whether it is in `secrets`, by the name of the Secret.
    uses: HashMap<String, (bool, bool)>,
}

impl Account {
    pub(super) fn reduce(
        account: &ServiceAccount,
        namespaces: &HashSet<&str>,
        found: &HashSet<Address>,
    ) -> Option<Self> {
        let Address { namespace, name } = Address::of(&account.metadata);
        if !namespaces.contains(namespace.as_str()) {
            return None;
        }
        let mut uses = HashMap::<_, (bool, bool)>::new();
        let is_used = |secret: &str| found.contains(&Address { namespace: namespace.clone(), name: secret.to_owned() });
        for secret in account.image_pull_secrets.iter().flatten().filter(|it| is_used(&it.name)) {
            uses.entry(secret.name.clone()).or_default().0 = true;
        }
        for secret in account.secrets.iter().flatten().filter_map(|it| it.name.as_deref()).filter(|it| is_used(it)) {
            uses.entry(secret.to_owned()).or_default().1 = true;
        }
        Some(Self { namespace, name, uses })
    }
}

/// Adds to every Secret the ServiceAccounts that use it.
pub(super) fn link(secrets: &mut [PullSecret], accounts: &[Account]) {
    let mut by_namespace = HashMap::<&str, Vec<&Account>>::new();
    for account in accounts {
        by_namespace.entry(&account.namespace).or_default().push(account);
    }
    for secret in secrets {
        let here = by_namespace.get(secret.at.namespace.as_str()).map(Vec::as_slice).unwrap_or_default();
        secret.links = Some(links(&secret.at.name, here));
    }
}

fn links(secret: &str, here: &[&Account]) -> Links {
    let how = |account: &Account| account.uses.get(secret).copied().unwrap_or_default();
    let by = |account: &&Account| Use { account: account.name.clone(), pull: how(account).0, mount: how(account).1 };
    let mut accounts = here.iter().map(by).filter(|it| it.pull || it.mount).collect::<Vec<_>>();
    accounts.sort();
    let usual = Link::defaults().into_iter().filter(|link| here.iter().any(|it| it.name == link.account()));
    let by = |link: Link| Use { account: link.account().to_owned(), pull: link.is_pull(), mount: link.is_mount() };
    let mut usual = usual.map(by).collect::<Vec<_>>();
    usual.sort();
    let are_defaults = accounts == usual && !accounts.is_empty();
    Links { accounts, are_defaults }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn accounts(of: &serde_json::Value) -> Vec<Account> {
        let found = HashSet::from([Address { namespace: "a".into(), name: "s".into() }]);
        let object = |(name, lists): (&String, &serde_json::Value)| {
            let mut object = lists.clone();
            object["metadata"] = json!({ "namespace": "a", "name": name });
            let account = serde_json::from_value(object).expect("a ServiceAccount");
            Account::reduce(&account, &HashSet::from(["a"]), &found).expect("it is in that namespace")
        };
        of.as_object().expect("by name").iter().map(object).collect()
    }

    fn found(of: &serde_json::Value) -> (Vec<String>, bool) {
        let accounts = accounts(of);
        let links = links("s", &accounts.iter().collect::<Vec<_>>());
        let shown = |it: &Use| format!("{} {}{}", it.account, u8::from(it.pull), u8::from(it.mount));
        (links.accounts.iter().map(shown).collect(), links.are_defaults)
    }

    #[test]
    fn accounts_that_use_a_secret_are_found_and_compared_with_the_default_links() {
        let both = json!({ "imagePullSecrets": [{ "name": "s" }, { "name": "t" }], "secrets": [{ "name": "s" }] });
        let pull = json!({ "imagePullSecrets": [{ "name": "s" }] });
        let recipe = json!({ "default": pull, "builder": both, "deployer": {} });
        assert_eq!(found(&recipe), (vec!["builder 11".into(), "default 10".into()], true));
        let plain = json!({ "default": pull });
        assert_eq!(found(&plain), (vec!["default 10".into()], true));
        let unlinked_builder = json!({ "default": pull, "builder": {} });
        assert_eq!(found(&unlinked_builder), (vec!["default 10".into()], false));
        let unlinked = json!({ "default": {} });
        assert_eq!(found(&unlinked), (vec![], false));
        assert_eq!(found(&json!({})), (vec![], false), "and no account that could");
        let robot = json!({ "default": pull, "robot": { "secrets": [{ "name": "s" }] } });
        assert_eq!(found(&robot), (vec!["default 10".into(), "robot 01".into()], false));
    }
}
