//! What a plan asks of a cluster: which rights, and where.

use std::collections::{BTreeMap, BTreeSet};

use regcred_config::CLUSTERS;
use regcred_core::{Namespace, SecretName, StoreName};
use regcred_openshift::{Foreign, Right};

use super::{listed::listed, sinks::Way};
use crate::{
    group::{Group, Places, Selected},
    plan::Plan,
};

/// What keeping Secrets of one name in one way asks of a cluster.
#[derive(Debug)]
pub(crate) struct Demand {
    pub(crate) secret: SecretName,
    /// What that takes in each namespace.
    pub(crate) rights: Vec<Right>,
    /// The ServiceAccounts that it is linked to.
    pub(crate) accounts: Vec<String>,
    /// Those that the config names.
    pub(crate) namespaces: Vec<Namespace>,
    /// What chooses further ones.
    pub(crate) selected: Vec<Selected>,
    /// Whether lists read it, where RBAC allows them.
    pub(crate) is_listed: bool,
}

/// The ServiceAccounts that a route links its Secrets to.
pub(crate) fn accounts(plan: &Plan, route: usize) -> Vec<String> {
    let need = plan.groups.get(route).map(|group| &group.need);
    let links = need.map(|need| Way::of(need, plan.adopt).links()).unwrap_or_default();
    links.iter().map(|link| link.account().to_owned()).collect()
}

/// All that a plan keeps in a cluster, each way once.
pub(crate) fn demands(plan: &Plan, store: &StoreName) -> Vec<Demand> {
    type Kept = (SecretName, bool, Vec<String>);
    let mut ways = BTreeMap::<Kept, (Vec<Namespace>, Vec<Selected>)>::new();
    for Group { need, places, .. } in plan.groups.iter().filter(|group| group.need.store == *store) {
        let way = Way::of(need, plan.adopt);
        let accounts = way.links().iter().map(|link| link.account().to_owned()).collect::<Vec<_>>();
        let alike = ways.entry((need.secret.name.clone(), way.foreign != Foreign::Merge, accounts));
        let (namespaces, selected) = alike.or_default();
        match places {
            Places::Named(named) => namespaces.extend(named.iter().cloned()),
            Places::Selected(chosen) => selected.push(chosen.clone()),
        }
    }
    let (mut demands, listed) = (vec![], listed(plan, store).collect::<BTreeSet<_>>());
    for ((secret, creates, accounts), (mut namespaces, selected)) in ways {
        namespaces.sort();
        let is_listed = listed.contains(&secret);
        let rights = rights(&secret, creates, &accounts);
        demands.push(Demand { secret, rights, accounts, namespaces, selected, is_listed });
    }
    demands
}

/// What one Secret and its ServiceAccounts take. `creates`: it is made where it is not there.
fn rights(secret: &SecretName, creates: bool, accounts: &[String]) -> Vec<Right> {
    let right = |resource, name: &str, verb| Right::new(verb, resource, name);
    let verbs = if creates { &["get", "create", "patch"][..] } else { &["get", "patch"] };
    let secret = verbs.iter().map(|verb| right("secrets", secret.as_str(), verb));
    let accounts = accounts.iter().flat_map(|name| ["get", "patch"].map(|verb| right("serviceaccounts", name, verb)));
    secret.chain(accounts).collect()
}

/// The sinks of other types that a plan needs, each with its type.
pub(crate) fn other_sinks(plan: &Plan) -> impl Iterator<Item = (&StoreName, &str)> {
    let needed = |name: &StoreName| plan.groups.iter().any(|group| group.need.store == *name);
    let others = plan.sinks.iter().filter(move |(name, spec)| !CLUSTERS.contains(&spec.kind()) && needed(name));
    others.map(|(name, spec)| (name, spec.kind()))
}
