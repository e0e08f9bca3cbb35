//! The permissions that a plan needs in a cluster: verbs, objects and namespaces.

use std::collections::BTreeMap;

use regcred_config::Merge;
use regcred_core::{Namespace, SecretName, StoreName};

use crate::{Choice, Plan, rights};

/// The permissions for Secrets of one name with the same settings.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Demand {
    /// The name of the Secrets.
    pub secret: SecretName,
    /// The verbs on the Secret in each namespace.
    pub secret_verbs: &'static [&'static str],
    /// The ServiceAccounts that it is linked to, each with [`ACCOUNT_VERBS`](crate::ACCOUNT_VERBS).
    pub accounts: Vec<String>,
    /// The namespaces that the config names.
    pub namespaces: Vec<Namespace>,
    /// The selections of other namespaces.
    pub selected: Vec<Choice>,
}

impl Demand {
    /// Returns the permissions for Secrets with this name in these namespaces. `creates`: whether regcred creates
    /// missing Secrets.
    pub fn new(secret: SecretName, creates: bool, accounts: Vec<String>, namespaces: Vec<Namespace>) -> Self {
        Self { secret, secret_verbs: rights::secret_verbs(creates), accounts, namespaces, selected: vec![] }
    }

    /// Returns each right as verb, resource and name.
    pub fn rights(&self) -> impl Iterator<Item = (&'static str, &'static str, &str)> {
        let secret = self.secret_verbs.iter().map(|verb| (*verb, "secrets", self.secret.as_str()));
        let accounts = self.accounts.iter().map(String::as_str);
        secret.chain(accounts.flat_map(|name| rights::ACCOUNT_VERBS.map(|verb| (verb, "serviceaccounts", name))))
    }
}

/// Returns the permissions for everything that a plan keeps in a cluster, without duplicates.
pub fn demands(plan: &Plan, store: &StoreName) -> Vec<Demand> {
    let mut alike = BTreeMap::<(SecretName, bool, Vec<String>), (Vec<Namespace>, Vec<Choice>)>::new();
    for target in plan.targets(store) {
        let creates = target.secret.merge != Merge::Yes;
        let accounts = target.accounts.into_iter().map(|link| link.account).collect::<Vec<_>>();
        let (namespaces, selected) = alike.entry((target.secret.name, creates, accounts)).or_default();
        namespaces.extend(target.namespaces);
        selected.extend(target.selection);
    }
    let demand = |((secret, creates, accounts), (mut namespaces, selected)): (_, (Vec<Namespace>, _))| {
        namespaces.sort();
        Demand { selected, ..Demand::new(secret, creates, accounts, namespaces) }
    };
    alike.into_iter().map(demand).collect()
}
