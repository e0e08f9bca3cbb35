//! The RBAC rules of the ServiceAccount. They cover only what the config needs, and list objects by name.

use std::collections::BTreeSet;

use regcred_config::NamedWatches;
use regcred_core::SecretName;
use regcred_plan::{ACCOUNT_VERBS, READ_VERBS, secret_verbs, usual_accounts};
use serde_json::{Value, json};

use crate::{
    Guard, Install, Mode,
    need::{NamespaceRule, Need},
    object::Site,
};

const RBAC: &str = "rbac.authorization.k8s.io";

/// Returns whether rights are bound in the whole cluster instead of in each namespace.
pub(crate) fn cluster_wide(need: &Need, install: &Install) -> bool {
    !need.selections().is_empty() && install.guard != Guard::Bindings
}

/// Returns the roles and their bindings.
pub(crate) fn objects(site: &Site<'_>, need: &Need, install: &Install, prune: bool) -> Vec<Value> {
    let everywhere = cluster_wide(need, install);
    let mut objects = vec![
        role("ClusterRole", site.everywhere("-target"), target_rules(need, install, everywhere, prune)),
        role("ClusterRole", site.everywhere("-namespaces"), vec![namespaces_rule(need, install)]),
        binding("ClusterRoleBinding", site.everywhere("-namespaces"), ("ClusterRole", site.wide("-namespaces")), site),
    ];
    if everywhere {
        let role = ("ClusterRole", site.wide("-target"));
        objects.push(binding("ClusterRoleBinding", site.everywhere("-target"), role, site));
    } else {
        let role = || ("ClusterRole", site.wide("-target"));
        let bind = |namespace| binding("RoleBinding", site.within(namespace, "-target"), role(), site);
        objects.extend(need.named().into_iter().map(bind));
    }
    for (namespace, names) in &need.sources {
        let metadata = || site.within(namespace, "-sources");
        objects.push(role("Role", metadata(), vec![source_rule(names, install.mode.watches())]));
        objects.push(binding("RoleBinding", metadata(), ("Role", site.wide("-sources")), site));
    }
    if let Mode::Daemon(_, replicas) = install.mode {
        objects.push(role("Role", site.own("-own"), own_rules(site, replicas)));
        objects.push(binding("RoleBinding", site.own("-own"), ("Role", format!("{}-own", site.name)), site));
    }
    objects
}

/// Returns the binding that a namespace needs if the rights are not bound in the whole cluster. `namespace` may be a
/// parameter.
pub(crate) fn target_binding(site: &Site<'_>, namespace: &str) -> Value {
    let mut metadata = site.everywhere("-target");
    metadata["namespace"] = namespace.into();
    binding("RoleBinding", metadata, ("ClusterRole", site.wide("-target")), site)
}

/// Returns the rule on Secrets that providers copy. A CronJob reads each of them once in a pass.
fn source_rule(names: &BTreeSet<SecretName>, watches: bool) -> Value {
    let verbs = if watches { READ_VERBS.as_slice() } else { &["get"] };
    json!({ "apiGroups": [""], "resources": ["secrets"], "resourceNames": names.iter().map(SecretName::as_str).collect::<Vec<_>>(), "verbs": verbs })
}

fn target_rules(need: &Need, install: &Install, everywhere: bool, prune: bool) -> Vec<Value> {
    let watches = install.mode.watches();
    let named = named_watches(need, install);
    // RBAC allows a list or watch of one object by its name, in one namespace or in all of them.
    let rule = |resource: &str, names: Vec<&str>, verbs: &[&str]| {
        let bulk: &[&str] = match (everywhere, named) {
            (true, _) if !watches => &["list"],
            (true, _) | (false, NamedWatches::Everything) => &["list", "watch"],
            (false, NamedWatches::Secrets) if resource == "secrets" => &["list", "watch"],
            (false, _) => &[],
        };
        let verbs = verbs.iter().chain(bulk).copied().collect::<Vec<_>>();
        json!({ "apiGroups": [""], "resources": [resource], "resourceNames": names, "verbs": verbs })
    };
    let own = need.own.keys().map(SecretName::as_str).collect::<Vec<_>>();
    let merged = need.merged.keys().filter(|name| !need.own.contains_key(*name));
    let (created, merged) = merged.partition::<Vec<_>, _>(|name| need.created.contains(*name));
    let [created, merged] =
        [created, merged].map(|names| names.into_iter().map(SecretName::as_str).collect::<Vec<_>>());
    let accounts = need.accounts.iter().map(String::as_str).collect::<Vec<_>>();
    let write = [secret_verbs(true), if prune { &["delete"] } else { &[] }].concat();
    let mut rules = vec![];
    if !own.is_empty() {
        rules.push(rule("secrets", own, &write));
    }
    if !created.is_empty() {
        rules.push(rule("secrets", created, &write));
    }
    // Merged Secrets are updated, but never created.
    if !merged.is_empty() {
        rules.push(rule("secrets", merged, secret_verbs(false)));
    }
    if !accounts.is_empty() {
        rules.push(rule("serviceaccounts", accounts, &ACCOUNT_VERBS));
    }
    // regcred must remove links that the config no longer has.
    let dropped = usual_accounts().into_iter().filter(|name| !need.accounts.contains(*name)).collect::<Vec<_>>();
    if !dropped.is_empty() {
        rules.push(json!({ "apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": dropped, "verbs": ACCOUNT_VERBS }));
    }
    if watches {
        rules.push(events_rule());
    }
    rules
}

/// Returns the rule on namespaces.
///
/// A config that selects namespaces needs to list them. A config that names them needs `get`, to distinguish a deleted
/// namespace from a missing permission.
fn namespaces_rule(need: &Need, install: &Install) -> Value {
    if need.selections().is_empty() {
        let names = need.named().into_iter().map(AsRef::<str>::as_ref).collect::<Vec<_>>();
        let is_watched = named_watches(need, install) == NamedWatches::Everything;
        let verbs: &[&str] = if is_watched { &["get", "list", "watch"] } else { &["get"] };
        return json!({ "apiGroups": [""], "resources": ["namespaces"], "resourceNames": names, "verbs": verbs });
    }
    let verbs: &[&str] = if install.mode.watches() { &["get", "list", "watch"] } else { &["get", "list"] };
    json!({ "apiGroups": [""], "resources": ["namespaces"], "verbs": verbs })
}

/// Returns what a daemon watches in the namespaces that the config names. A CronJob watches nothing.
fn named_watches(need: &Need, install: &Install) -> NamedWatches {
    if !install.mode.watches() {
        return NamedWatches::Nothing;
    }
    let (mut secrets, mut accounts) = (0, 0);
    for (_, of_place) in need.kinds.iter().filter(|(place, _)| matches!(place, NamespaceRule::Named(_))) {
        for words in of_place.values() {
            let linked = words.iter().filter_map(|word| word.split_once('/')).map(|(_, account)| account);
            secrets += 1;
            accounts += linked.collect::<BTreeSet<_>>().len();
        }
    }
    NamedWatches::of(secrets, accounts, need.named().len())
}

/// Returns the rules in the installation's own namespace: Events about the daemon, and the Lease if there are several
/// replicas.
fn own_rules(site: &Site<'_>, replicas: u32) -> Vec<Value> {
    let lease = json!({
        "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": [site.name], "verbs": ["get", "create", "patch"],
    });
    let leads = (replicas > 1).then_some(lease);
    leads.into_iter().chain([events_rule()]).collect()
}

fn events_rule() -> Value {
    json!({ "apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"] })
}

#[expect(clippy::needless_pass_by_value, reason = "it becomes part of the object")]
fn role(kind: &str, metadata: Value, rules: Vec<Value>) -> Value {
    json!({ "apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": metadata, "rules": rules })
}

#[expect(clippy::needless_pass_by_value, reason = "it becomes part of the object")]
fn binding(kind: &str, metadata: Value, (of, name): (&str, String), site: &Site<'_>) -> Value {
    json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": metadata,
        "roleRef": { "apiGroup": RBAC, "kind": of, "name": name },
        "subjects": site.subjects(),
    })
}
