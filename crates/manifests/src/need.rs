//! What a config asks for in one cluster: which Secrets, of whom, where.

use std::collections::{BTreeMap, BTreeSet};

use regcred_config::{
    Access, CLUSTERS, Config, EcrOptions, LinkName, Merge, OpenShiftOptions, Problem, Selection, Spec, TargetEntry,
    Wants,
};
use regcred_core::{Namespace, SecretName, StoreName};

/// The ServiceAccounts of builds, which also push.
const BUILDER: &str = "builder";
const PIPELINE: &str = "pipeline";
const BUILDERS: [&str; 2] = [BUILDER, PIPELINE];
/// The ServiceAccounts that use a Secret if the config does not name any.
pub(crate) const USUAL: [&str; 3] = [BUILDER, "default", PIPELINE];

/// Everything that is written in one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Need {
    /// Secrets that are regcred's, and where.
    pub(crate) own: BTreeMap<SecretName, Places>,
    /// Secrets that stay somebody else's, and where.
    pub(crate) merged: BTreeMap<SecretName, Places>,
    /// Those of them that are created if there is none.
    pub(crate) created: BTreeSet<SecretName>,
    /// ServiceAccounts that use any of them.
    pub(crate) accounts: BTreeSet<String>,
    /// The labels and annotations that the config puts on any of them: the values of each key.
    pub(crate) labels: Values,
    pub(crate) annotations: Values,
    /// What regcred does with each Secret in each place, in the words of the guard: `own`, `adopt`, `merge`, `create`, `pull/ACCOUNT` and
    /// `mount/ACCOUNT`.
    pub(crate) kinds: BTreeMap<Place, BTreeMap<SecretName, BTreeSet<String>>>,
    /// The selections of `kinds`, in the order of the file.
    pub(crate) order: Vec<Selection>,
}

/// Values by key.
pub(crate) type Values = BTreeMap<String, BTreeSet<String>>;

/// Namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) named: BTreeSet<Namespace>,
    /// In the order of the file, none twice.
    pub(crate) selections: Vec<Selection>,
}

impl Places {
    fn choose(&mut self, selection: Selection) {
        if !self.selections.contains(&selection) {
            self.selections.push(selection);
        }
    }
}

/// A namespace of the config, or a selection of namespaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Named(Namespace),
    Selected(Selection),
}

/// What entries for one Secret say of who uses it.
struct Users<'a> {
    /// Where the first of them stands in the file.
    position: usize,
    entries: Vec<&'a TargetEntry>,
}

impl Need {
    /// Of a cluster: the entries of its sinks.
    pub(crate) fn of(config: &Config, sinks: &BTreeSet<StoreName>) -> Self {
        let mut secrets = BTreeMap::<(Place, &SecretName), Users<'_>>::new();
        let only = config.sinks().len() == 1;
        for (position, target) in config.targets().iter().enumerate() {
            let here = target.sink.as_ref().map_or(only && !sinks.is_empty(), |sink| sinks.contains(sink));
            if !here {
                continue;
            }
            let named = target.namespaces.named.iter().cloned().map(Place::Named);
            let selected = target.namespaces.selection.iter().cloned().map(Place::Selected);
            for place in named.chain(selected) {
                let users = secrets.entry((place, &target.secret.name));
                users.or_insert(Users { position, entries: vec![] }).entries.push(target);
            }
        }
        let mut secrets = secrets.into_iter().collect::<Vec<_>>();
        secrets.sort_by_key(|(_, users)| users.position);
        let mut need = Self::default();
        for ((place, name), users) in secrets {
            let merge = users.entries.iter().any(|entry| entry.secret.merge.is_on());
            let create = users.entries.iter().any(|entry| entry.secret.merge == Merge::Create);
            let places = if merge { &mut need.merged } else { &mut need.own };
            let places = places.entry(name.clone()).or_default();
            match place.clone() {
                Place::Named(namespace) => drop(places.named.insert(namespace)),
                Place::Selected(selection) => {
                    if !need.order.contains(&selection) {
                        need.order.push(selection.clone());
                    }
                    places.choose(selection);
                }
            }
            let links = users.links(config, merge);
            need.accounts.extend(links.iter().map(|(_, account)| account.clone()));
            for entry in &users.entries {
                for (all, of) in
                    [(&mut need.labels, &entry.secret.labels), (&mut need.annotations, &entry.secret.annotations)]
                {
                    for (key, value) in of {
                        all.entry(key.clone()).or_default().insert(value.clone());
                    }
                }
            }
            if create {
                need.created.insert(name.clone());
            }
            let adopt = users.entries.iter().any(|entry| entry.secret.adopt);
            let mode: &[&str] = match (merge, adopt) {
                (true, _) if create => &["create", "merge"],
                (true, _) => &["merge"],
                (false, true) => &["adopt", "own"],
                (false, false) => &["own"],
            };
            let links = links.iter().map(|(list, account)| format!("{list}/{account}"));
            let kind = need.kinds.entry(place).or_default().entry(name.clone()).or_default();
            kind.extend(mode.iter().map(|it| (*it).to_owned()).chain(links));
        }
        need
    }

    /// Each Secret with where it is, whosever it is.
    pub(crate) fn secrets(&self) -> BTreeMap<&SecretName, Places> {
        let mut all = BTreeMap::<&SecretName, Places>::new();
        for (name, places) in self.own.iter().chain(&self.merged) {
            let both = all.entry(name).or_default();
            both.named.extend(places.named.iter().cloned());
            places.selections.iter().cloned().for_each(|selection| both.choose(selection));
        }
        all
    }

    /// Every namespace that is named.
    pub(crate) fn named(&self) -> BTreeSet<&Namespace> {
        self.own.values().chain(self.merged.values()).flat_map(|places| &places.named).collect()
    }

    /// Every way in which further ones are chosen.
    pub(crate) fn selections(&self) -> BTreeSet<&Selection> {
        self.own.values().chain(self.merged.values()).flat_map(|places| &places.selections).collect()
    }
}

impl Users<'_> {
    /// The lists of ServiceAccounts that the Secret is linked to, as `pull` or `mount` and the account.
    fn links(&self, config: &Config, merge: bool) -> BTreeSet<(&'static str, String)> {
        let list = |link: &LinkName| if *link == LinkName::Pull { "pull" } else { "mount" };
        if self.entries.iter().any(|entry| entry.accounts.is_some()) || merge {
            let said = self.entries.iter().filter_map(|entry| entry.accounts.as_ref()).flatten();
            return said
                .flat_map(|account| account.link.iter().map(move |link| (list(link), account.name.clone())))
                .collect();
        }
        let pulls: &[&str] = if self.entries.iter().any(|entry| pushes(config, entry)) { &BUILDERS } else { &USUAL };
        let pulls = pulls.iter().map(|name| ("pull", (*name).to_owned()));
        pulls.chain(BUILDERS.map(|name| ("mount", name.to_owned()))).collect()
    }
}

/// Whether a login of an entry is for pushing too.
fn pushes(config: &Config, entry: &TargetEntry) -> bool {
    let Wants::Providers(names) = &entry.wants else { return false };
    let used = config.providers().iter().filter(|spec| names.iter().any(|name| name.as_str() == spec.name()));
    used.filter_map(ecr).any(|options| options.access == Access::Push)
}

/// The options of a provider of type `ecr`.
pub(crate) fn ecr(spec: &Spec) -> Option<EcrOptions> {
    (spec.kind() == "ecr").then(|| spec.options().ok()).flatten()
}

/// The options of a sink of type `openshift`, which has two names.
pub(crate) fn openshift(spec: &Spec) -> Option<OpenShiftOptions> {
    CLUSTERS.contains(&spec.kind()).then(|| spec.options().ok()).flatten()
}

/// The sinks that are the cluster where the objects are made: the one that is named, or those without a kubeconfig.
pub(crate) fn sinks(config: &Config, named: Option<&StoreName>) -> Result<BTreeSet<StoreName>, Problem> {
    let clusters = config.sinks().iter().filter_map(|spec| Some((StoreName::new(spec.name()).ok()?, openshift(spec)?)));
    let clusters = clusters.collect::<BTreeMap<_, _>>();
    let Some(named) = named else {
        let here = clusters.into_iter().filter(|(_, it)| it.kubeconfig.is_none() && it.context.is_none());
        return Ok(here.map(|(name, _)| name).collect());
    };
    if clusters.contains_key(named) {
        return Ok([named.clone()].into());
    }
    let known = clusters.keys().map(StoreName::as_str).collect::<Vec<_>>().join(", ");
    Err(Problem::everywhere(format!("sinks: {named} is no cluster of this config; there are {known}")))
}
