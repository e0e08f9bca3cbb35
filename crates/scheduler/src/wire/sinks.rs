//! Makes the sinks for the settings of Secrets.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use regcred_config::{AccountLink, LinkName, Merge, NamedWatches, SecretSettings};
use regcred_core::{Address, InstanceName, Registry, Result, StoreName, Target, TargetSource};
use regcred_ecr::RegistryHost;
use regcred_openshift::{
    Cache, Cluster, Foreign, Link, LoginFormat, NamedSource, NamespaceList, NamespaceSource, OpenShiftSink,
    WatchedSource, Watches,
};

use super::{clusters::Clusters, listed::listed, reread::Reread};
use crate::{
    group::{Accounts, Group, Need, Places},
    plan::Plan,
    provider::UNKNOWN_ACCOUNT,
};

/// The settings of a Secret, without its name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Way {
    pub(super) store: StoreName,
    pub(super) foreign: Foreign,
    accounts: Accounts,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    logins: LoginFormat,
    /// What it is to hold logins for, with zeros for an account that only the answer names. Known where it matters, for adoption.
    expected: Option<Vec<Registry>>,
}

impl Way {
    pub(super) fn of(need: &Need, adopt: bool) -> Self {
        let SecretSettings { merge, adopt: adopts, credentials, labels, annotations, .. } = need.secret.clone();
        let foreign = match (merge, adopts || adopt) {
            (Merge::Create, _) => Foreign::MergeOrCreate,
            (Merge::Yes, _) => Foreign::Merge,
            (Merge::No, true) => Foreign::Adopt,
            (Merge::No, false) => Foreign::Refuse,
        };
        let logins = match credentials {
            regcred_config::LoginFormat::Auth => LoginFormat::Auth,
            regcred_config::LoginFormat::Full => LoginFormat::Full,
        };
        let (store, accounts) = (need.store.clone(), need.accounts.clone());
        Self { store, foreign, accounts, labels, annotations, logins, expected: None }
    }

    /// With what a Secret is to hold logins for, if it is known.
    pub(super) fn expecting(self, registries: Option<Vec<Registry>>) -> Self {
        let expected = registries.filter(|_| self.foreign == Foreign::Adopt);
        Self { expected, ..self }
    }

    /// Whose Secret it stays has linked it already: only what the config asks for is added.
    pub(super) fn links(&self) -> Vec<Link> {
        match (&self.accounts, self.foreign) {
            (Accounts::These(accounts), _) => accounts.iter().map(link).collect(),
            (_, foreign) if foreign.merges() => vec![],
            (Accounts::Usual, _) => Link::defaults(),
            (Accounts::Builders, _) => Link::builders(),
        }
    }
}

/// One sink for each way: what it has read of the cluster serves all of its targets.
pub(super) struct Sinks {
    clusters: Clusters,
    instance: InstanceName,
    previous_instance: Option<InstanceName>,
    made: HashMap<Way, Arc<OpenShiftSink>>,
    /// The cache of each cluster, which its sinks and watches share.
    caches: BTreeMap<StoreName, Cache>,
    /// The namespaces of each cluster, for all routes that select some of them.
    lists: BTreeMap<StoreName, NamespaceList>,
    /// What is watched of each cluster for all of its routes; none for one pass.
    watches: BTreeMap<StoreName, Watches>,
    /// What is watched of each cluster in namespaces that the config names.
    named: BTreeMap<StoreName, NamedWatches>,
}

impl Sinks {
    pub(super) fn new(clusters: Clusters, plan: &Plan) -> Self {
        let annotations = |store: &StoreName| {
            let own = plan.groups.iter().filter(|group| group.need.store == *store);
            own.flat_map(|group| group.need.secret.annotations.keys().cloned()).collect::<Vec<_>>()
        };
        let cache = |(store, cluster): (&StoreName, &Cluster)| {
            (store.clone(), Cache::new(cluster, annotations(store), listed(plan, store)))
        };
        let caches = clusters.iter().map(cache).collect::<BTreeMap<_, _>>();
        let watches = |resync| {
            let watched = clusters.iter().filter_map(|(store, cluster)| {
                Some((store.clone(), watches(plan, store, cluster, caches.get(store)?, resync)))
            });
            watched.collect()
        };
        let watches = plan.watching.map(watches).unwrap_or_default();
        let named = clusters.iter().map(|(store, _)| (store.clone(), named_watches(plan, store))).collect();
        let (instance, previous_instance) = (plan.instance.clone(), plan.previous_instance.clone());
        let lists = clusters.iter().map(|(store, cluster)| (store.clone(), NamespaceList::new(cluster))).collect();
        let made = HashMap::new();
        Self { clusters, instance, previous_instance, made, caches, lists, watches, named }
    }

    /// `watching`: for as long as it lasts, and not for one pass; how often each is looked at that cannot be watched.
    pub(super) fn source(
        &mut self,
        group: &Group,
        sink: &OpenShiftSink,
        watching: Option<Duration>,
    ) -> Result<Arc<dyn TargetSource>> {
        let (store, name) = (group.need.store.clone(), group.need.secret.name.clone());
        let selected = match &group.places {
            Places::Selected(selected) => selected.clone(),
            Places::Named(namespaces) => {
                let target = |namespace| Target::new(store.clone(), Address::secret(namespace, name.clone()));
                let targets = || namespaces.iter().cloned().map(target).collect::<Vec<_>>();
                let Some(every) = watching else { return Ok(Arc::new(targets())) };
                let is_whole = match self.named.get(&store) {
                    Some(NamedWatches::Everything) => true,
                    Some(NamedWatches::Secrets) => false,
                    Some(NamedWatches::Nothing) | None => return Ok(Arc::new(Reread { targets: targets(), every })),
                };
                let (cluster, namespaces) = (self.clusters.get(&store)?, namespaces.iter().cloned());
                let source = NamedSource::new(cluster, store.clone(), name, namespaces, sink, every, is_whole);
                return Ok(Arc::new(source));
            }
        };
        let takes = move |namespace: &str, labels: &BTreeMap<_, _>| selected.takes(namespace, labels);
        if let Some(watches) = self.watches.get(&store) {
            return Ok(Arc::new(WatchedSource::new(watches.clone(), store, name, takes, sink)));
        }
        let list = self.lists[&store].clone();
        Ok(Arc::new(NamespaceSource::new(list, store, name, takes)))
    }

    pub(super) fn sink(&mut self, way: Way) -> Result<Arc<OpenShiftSink>> {
        if let Some(sink) = self.made.get(&way) {
            return Ok(sink.clone());
        }
        let mut sink = OpenShiftSink::builder(self.clusters.get(&way.store)?.clone())
            .with_instance(self.instance.clone())
            .with_previous_instance(self.previous_instance.clone())
            .with_foreign(way.foreign)
            .with_links(way.links())
            .with_labels(way.labels.clone())
            .with_annotations(way.annotations.clone())
            .with_login_format(way.logins)
            .with_cache(self.caches.get(&way.store).cloned())
            .with_namespaces(self.lists.get(&way.store).cloned());
        if let Some(expected) = way.expected.clone() {
            sink = sink.with_expected(move |host| expected.iter().any(|registry| may_be(registry, host)));
        }
        let sink = Arc::new(sink.build());
        self.made.insert(way, sink.clone());
        Ok(sink)
    }
}

/// Whether a host is this registry, whose account may be zeros: that is known once it has answered.
fn may_be(registry: &Registry, host: &str) -> bool {
    let parsed = |host: &str| {
        RegistryHost::parse(host).ok().map(|it| (it.region().clone(), it.alias(), it.account().to_string()))
    };
    match (parsed(registry.as_str()), parsed(host)) {
        (Some((region, alias, account)), Some((found_region, found_alias, found))) => {
            (region, alias) == (found_region, found_alias) && (account == found || account == UNKNOWN_ACCOUNT)
        }
        _ => registry.as_str() == host,
    }
}

/// What is watched in a cluster: whatever its routes need that choose their namespaces.
fn watches(plan: &Plan, store: &StoreName, cluster: &Cluster, cache: &Cache, resync: Duration) -> Watches {
    let is_meant = |group: &&Group| group.need.store == *store && matches!(group.places, Places::Selected(_));
    let needs = || plan.groups.iter().filter(is_meant).map(|group| &group.need);
    let secrets = needs().map(|need| need.secret.name.clone());
    let links = needs().flat_map(|need| Way::of(need, plan.adopt).links());
    Watches::new(cluster, secrets, links.map(|link| link.account().to_owned()), cache, resync)
}

/// What is watched of the namespaces that routes name in a cluster.
fn named_watches(plan: &Plan, store: &StoreName) -> NamedWatches {
    let (mut secrets, mut accounts, mut namespaces) = (0, 0, BTreeSet::new());
    for group in plan.groups.iter().filter(|group| group.need.store == *store) {
        let Places::Named(named) = &group.places else { continue };
        let links = Way::of(&group.need, plan.adopt).links();
        secrets += named.len();
        accounts += named.len() * links.iter().map(Link::account).collect::<BTreeSet<_>>().len();
        namespaces.extend(named);
    }
    NamedWatches::of(secrets, accounts, namespaces.len())
}

fn link(AccountLink { name, link }: &AccountLink) -> Link {
    match (link.contains(&LinkName::Pull), link.contains(&LinkName::Mount)) {
        (true, true) => Link::pull_and_mount(name),
        (false, true) => Link::mount(name),
        (_, false) => Link::pull(name),
    }
}
