//! The Secrets of a config in one cluster, with their owners and namespaces.

use std::collections::{BTreeMap, BTreeSet};

use regcred_config::{Merge, Problem, Selection};
use regcred_core::{Namespace, SecretName, StoreName};
use regcred_plan::Plan;

use crate::codes::misfit;

/// Everything that regcred writes in one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Need {
    /// Secrets that regcred owns, with their namespaces.
    pub(crate) own: BTreeMap<SecretName, NamespaceSet>,
    /// Secrets that another tool owns and regcred merges into, with their namespaces.
    pub(crate) merged: BTreeMap<SecretName, NamespaceSet>,
    /// Merged Secrets that regcred creates if they do not exist.
    pub(crate) created: BTreeSet<SecretName>,
    /// ServiceAccounts that use any of these Secrets.
    pub(crate) accounts: BTreeSet<String>,
    /// Labels and annotations that the config sets on any of these Secrets: the values of each key.
    pub(crate) labels: Values,
    pub(crate) annotations: Values,
    /// The actions of regcred on each Secret in each place, in the words of the guard.
    ///
    /// The words are `own`, `adopt`, `merge`, `create`, `pull/ACCOUNT` and `mount/ACCOUNT`.
    pub(crate) kinds: BTreeMap<NamespaceRule, BTreeMap<SecretName, BTreeSet<String>>>,
    /// The selections of `kinds`, in the order of the config file.
    pub(crate) order: Vec<Selection>,
    /// Secrets that providers copy, by namespace.
    pub(crate) sources: BTreeMap<Namespace, BTreeSet<SecretName>>,
}

/// The values of each key.
pub(crate) type Values = BTreeMap<String, BTreeSet<String>>;

/// Namespaces, by name and by selection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NamespaceSet {
    pub(crate) named: BTreeSet<Namespace>,
    /// Selections in the order of the config file, without duplicates.
    pub(crate) selections: Vec<Selection>,
}

impl NamespaceSet {
    fn choose(&mut self, selection: Selection) {
        if !self.selections.contains(&selection) {
            self.selections.push(selection);
        }
    }
}

/// A namespace that the config names, or a selection of namespaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NamespaceRule {
    Named(Namespace),
    Selected(Selection),
}

impl Need {
    /// Returns what a plan maintains in the cluster of these sinks.
    pub(crate) fn of(plan: &Plan, sinks: &BTreeSet<StoreName>) -> Self {
        let mut need = Self::default();
        for (namespace, name) in sinks.iter().flat_map(|sink| plan.cluster_reads(sink)) {
            need.sources.entry(namespace.clone()).or_default().insert(name.clone());
        }
        for target in (0..plan.routes()).map(|route| plan.target(route)).filter(|it| sinks.contains(&it.store)) {
            let (name, secret) = (&target.secret.name, &target.secret);
            let places = if secret.merge.is_on() { &mut need.merged } else { &mut need.own };
            let places = places.entry(name.clone()).or_default();
            places.named.extend(target.namespaces.iter().cloned());
            let selection = target.selection.as_ref().map(|choice| choice.selection().clone());
            if let Some(selection) = &selection {
                places.choose(selection.clone());
                if !need.order.contains(selection) {
                    need.order.push(selection.clone());
                }
            }
            if secret.merge == Merge::Create {
                need.created.insert(name.clone());
            }
            for (all, of) in [(&mut need.labels, &secret.labels), (&mut need.annotations, &secret.annotations)] {
                for (key, value) in of {
                    all.entry(key.clone()).or_default().insert(value.clone());
                }
            }
            let mode: &[&str] = match (secret.merge, secret.adopt) {
                (Merge::Create, _) => &["create", "merge"],
                (Merge::Yes, _) => &["merge"],
                (Merge::No, true) => &["adopt", "own"],
                (Merge::No, false) => &["own"],
            };
            let mut words = mode.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>();
            for link in &target.accounts {
                need.accounts.insert(link.account.clone());
                words.extend(link.pull.then(|| format!("pull/{}", link.account)));
                words.extend(link.mount.then(|| format!("mount/{}", link.account)));
            }
            let named = target.namespaces.into_iter().map(NamespaceRule::Named);
            for place in named.chain(selection.map(NamespaceRule::Selected)) {
                let kinds = need.kinds.entry(place).or_default().entry(name.clone()).or_default();
                kinds.extend(words.iter().cloned());
            }
        }
        need
    }

    /// Returns each Secret, owned or merged, with its namespaces.
    pub(crate) fn secrets(&self) -> BTreeMap<&SecretName, NamespaceSet> {
        let mut all = BTreeMap::<&SecretName, NamespaceSet>::new();
        for (name, places) in self.own.iter().chain(&self.merged) {
            let both = all.entry(name).or_default();
            both.named.extend(places.named.iter().cloned());
            places.selections.iter().cloned().for_each(|selection| both.choose(selection));
        }
        all
    }

    /// Returns every namespace that the config names.
    pub(crate) fn named(&self) -> BTreeSet<&Namespace> {
        self.own.values().chain(self.merged.values()).flat_map(|places| &places.named).collect()
    }

    /// Returns every selection of namespaces.
    pub(crate) fn selections(&self) -> BTreeSet<&Selection> {
        self.own.values().chain(self.merged.values()).flat_map(|places| &places.selections).collect()
    }
}

/// Returns the sinks of the cluster that the objects are for: the named sink, or those without a kubeconfig.
pub(crate) fn sinks(plan: &Plan, named: Option<&StoreName>) -> Result<BTreeSet<StoreName>, Problem> {
    let clusters = plan.sinks().iter().filter_map(|(name, (_, sink))| Some((name.clone(), sink.cluster?)));
    let clusters = clusters.collect::<BTreeMap<_, _>>();
    let Some(named) = named else {
        return Ok(clusters.into_iter().filter(|(_, it)| it.is_own).map(|(name, _)| name).collect());
    };
    if clusters.contains_key(named) {
        return Ok([named.clone()].into());
    }
    let known = clusters.keys().map(StoreName::as_str).collect::<Vec<_>>().join(", ");
    Err(misfit(format!("sinks: {named} is not a cluster of this config (known clusters: {known})")))
}
