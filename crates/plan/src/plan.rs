//! The plan of a config: its providers, and the providers that each Secret needs. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use regcred_config::{Config, LoginFormat, NamespaceFilter, Problems, Spec};
use regcred_core::{Clock, InstanceName, Namespace, ProviderName, Result, Schedule, SecretName, StoreName};

use crate::{
    group::{Group, Placement},
    links::links,
    reads,
    resolve::{Resolved, sink_target},
    types::{
        planned::PlannedProvider,
        registry::Types,
        sink::{Run, SinkPlan, SinkTarget, SourceAndSink},
    },
};

/// The plan of a config: every provider once, and the namespaces of each kind of Secret.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) providers: BTreeMap<ProviderName, PlannedProvider>,
    pub(crate) sinks: BTreeMap<StoreName, (Spec, SinkPlan)>,
    /// The groups in the order of the config. If two groups have the same address, the first one owns it.
    pub(crate) groups: Vec<Group>,
    pub(crate) instance: InstanceName,
    pub(crate) previous_instance: Option<InstanceName>,
    pub(crate) adopt: bool,
    prunes: bool,
    pub(crate) schedule: Option<regcred_config::Schedule>,
    /// The time between two reads of a target that cannot be watched.
    resync: Duration,
    /// The maximum number of due targets that a daemon refreshes per second. 0: no limit.
    pub(crate) due_per_second: u32,
    /// The time between two reads of a target that cannot be watched, for a daemon. `None`: the plan is for one pass.
    pub(crate) watching: Option<Duration>,
}

impl Plan {
    /// Returns the plan of a config, or every problem of it.
    pub fn new(config: &Config, types: &Types) -> Result<Self, Problems> {
        let resolved = Resolved::of(config, types);
        let groups = resolved.groups();
        let sinks = resolved
            .sinks(&groups, types)
            .map_err(|problems| Problems::check(problems).expect_err("there is a problem"))?;
        let mut providers = resolved.providers;
        retain_needed(&mut providers, &groups);
        let (instance, schedule) = (config.instance().clone(), config.schedule().cloned());
        let resync = config.resync();
        Ok(Self {
            providers,
            sinks,
            groups,
            instance,
            previous_instance: config.previous_instance().cloned(),
            adopt: false,
            prunes: config.prune(),
            schedule,
            resync,
            due_per_second: config.max_writes_per_second(),
            watching: None,
        })
    }

    /// Returns every namespace that the config names, in alphabetical order.
    pub fn namespaces(&self) -> Vec<&Namespace> {
        let mut namespaces = self.groups.iter().flat_map(|group| group.placement.named()).collect::<Vec<_>>();
        namespaces.sort();
        namespaces.dedup();
        namespaces
    }

    /// Returns the selections of other namespaces, as text.
    pub fn selections(&self) -> Vec<String> {
        let selected = self.groups.iter().filter_map(|group| match &group.placement {
            Placement::Named(_) => None,
            Placement::Selected(selected) => Some(selected.selection.to_string()),
        });
        let mut selections = selected.collect::<Vec<_>>();
        selections.sort();
        selections.dedup();
        selections
    }

    /// Returns the number of targets that the config names, without those in selected namespaces.
    pub fn named_targets(&self) -> usize {
        let count = |group: &Group| match &group.placement {
            Placement::Named(namespaces) => namespaces.len().max(1), // the options of its sink name the place
            Placement::Selected(_) => 0,
        };
        self.groups.iter().map(count).sum()
    }

    /// Returns every provider that a target needs, by its name in reports and annotations.
    pub fn planned_providers(&self) -> &BTreeMap<ProviderName, PlannedProvider> {
        &self.providers
    }

    /// Returns every sink of the config with its entry and what it needs.
    pub fn sinks(&self) -> &BTreeMap<StoreName, (Spec, SinkPlan)> {
        &self.sinks
    }

    /// Returns the hosts and ports that a pod connects to, as far as the types name them, in alphabetical order.
    pub fn egress(&self) -> BTreeSet<&str> {
        let providers = self.providers.values().flat_map(|it| &it.plan.egress);
        let needed = self.needed_sinks().filter_map(|(name, _)| self.sinks.get(name));
        providers.chain(needed.flat_map(|(_, sink)| &sink.egress)).map(String::as_str).collect()
    }

    /// Returns the namespace and name of each Secret that a provider reads and watches in the cluster of a sink. It needs
    /// [`READ_VERBS`](crate::READ_VERBS) on each of them.
    pub fn cluster_reads(&self, store: &StoreName) -> BTreeSet<(&Namespace, &SecretName)> {
        reads::in_cluster(store, self.providers.values(), &self.sinks)
    }

    /// Returns the sinks that a target needs, with their entries.
    pub fn needed_sinks(&self) -> impl Iterator<Item = (&StoreName, &Spec)> {
        let needed = |name: &StoreName| self.groups.iter().any(|group| group.settings.store == *name);
        self.sinks.iter().filter(move |(name, _)| needed(name)).map(|(name, (spec, _))| (name, spec))
    }

    /// Returns the number of routes: the groups of targets with the same settings, in the order of the config.
    pub fn routes(&self) -> usize {
        self.groups.len()
    }

    /// Returns the sink of a route.
    ///
    /// # Panics
    ///
    /// Panics if the route does not exist.
    pub fn store(&self, route: usize) -> &StoreName {
        &self.groups[route].settings.store
    }

    /// Returns the sink's task for a route.
    ///
    /// # Panics
    ///
    /// Panics if the route does not exist.
    pub fn target(&self, route: usize) -> SinkTarget<Option<Spec>> {
        sink_target(&self.groups[route], &self.providers, self.adopt)
    }

    /// Returns the tasks of a sink, in the order of the routes.
    pub fn targets(&self, store: &StoreName) -> Vec<SinkTarget<Option<Spec>>> {
        (0..self.routes()).filter(|route| self.store(*route) == store).map(|route| self.target(route)).collect()
    }

    /// Makes a source and a sink for each route of a store, in the order of the routes.
    pub async fn make_sink(
        &self,
        store: &StoreName,
        types: &Types,
        clock: &Arc<dyn Clock>,
    ) -> Result<Vec<SourceAndSink>> {
        let Some((entry, _)) = self.sinks.get(store) else { return Ok(vec![]) };
        let run = Run {
            store: store.clone(),
            instance: self.instance.clone(),
            previous_instance: self.previous_instance.clone(),
            watching: self.watching,
            clock: clock.clone(),
        };
        types.make_sink(entry, self.targets(store), &run).await
    }

    /// Returns the ServiceAccounts that a route links its Secrets to.
    pub fn accounts(&self, route: usize) -> Vec<String> {
        let is_in_cluster =
            |group: &&Group| self.sinks.get(&group.settings.store).is_some_and(|(_, plan)| plan.cluster.is_some());
        let group = self.groups.get(route).filter(is_in_cluster);
        let links = group.map(|group| links(&group.settings)).unwrap_or_default();
        links.into_iter().map(|link| link.account).collect()
    }

    /// Returns the name of this installation.
    pub fn instance(&self) -> &InstanceName {
        &self.instance
    }

    /// Returns the previous name of this installation. `None`: it had none.
    pub fn previous_instance(&self) -> Option<&InstanceName> {
        self.previous_instance.as_ref()
    }

    /// Returns whether a daemon removes Secrets that no target names any more.
    pub fn prunes(&self) -> bool {
        self.prunes
    }

    /// Returns the schedule of the config. `None`: there is none.
    pub fn cron(&self) -> Option<&regcred_config::Schedule> {
        self.schedule.as_ref()
    }

    /// Returns the maximum number of due targets that a daemon refreshes per second. `None`: the plan is for one pass.
    /// 0: no limit.
    pub fn due_per_second(&self) -> Option<u32> {
        self.watching.map(|_| self.due_per_second)
    }

    /// Returns a Secret that two stores keep in the same place. `None`: there is none.
    pub fn meets(&self, one: &StoreName, other: &StoreName) -> Option<&SecretName> {
        let of =
            |store: &StoreName| self.groups.iter().filter(|group| group.settings.store == *store).collect::<Vec<_>>();
        let theirs = of(other);
        let met = of(one).into_iter().find(|group| theirs.iter().any(|other| group.meets(other)))?;
        Some(&met.settings.secret.name)
    }

    /// Returns the names of the Secrets that the plan keeps in a store.
    pub fn secret_names(&self, store: &StoreName) -> BTreeSet<SecretName> {
        let own = self.groups.iter().filter(|group| group.settings.store == *store);
        own.map(|group| group.settings.secret.name.clone()).collect()
    }

    /// Returns every provider that a target needs, in alphabetical order.
    pub fn providers(&self) -> impl Iterator<Item = &ProviderName> {
        self.providers.keys()
    }

    /// Returns the earlier routes that may have the same targets. A selection is known only after the namespaces are
    /// listed.
    pub fn yields_to(&self, route: usize) -> Vec<usize> {
        let own = &self.groups[route];
        let meets = |other: &Group| match &own.placement {
            Placement::Named(named) => named.iter().any(|namespace| other.may_have(&own.settings, namespace)),
            Placement::Selected(_) => other.settings.is_same_secret(&own.settings) && own.meets(other),
        };
        (0..route).filter(|before| meets(&self.groups[*before])).collect()
    }

    /// Returns the name of the config's entry for a route. `None`: there is no such route.
    pub fn entry(&self, route: usize) -> Option<String> {
        self.groups.get(route).map(|group| group.origin.name())
    }

    /// Returns the providers of a route, in the order of the config.
    pub fn wanted(&self, route: usize) -> &[ProviderName] {
        self.groups.get(route).map_or(&[], |group| &group.settings.providers)
    }

    /// Returns the number of credentials that a full pass mints. Providers with an equal key share one.
    pub fn mints(&self) -> usize {
        self.tokens(self.providers.keys())
    }

    /// Returns the number of credentials that a pass mints if it writes only to these routes of the engine.
    pub fn mints_for(&self, routes: &BTreeSet<usize>) -> usize {
        let written = routes.iter().filter_map(|route| self.groups.get(*route));
        self.tokens(written.flat_map(|group| &group.settings.providers))
    }

    /// Returns the approximate size of the logins in each Secret of a route, in bytes. `None`: only the provider knows
    /// it.
    pub fn bytes(&self, route: usize) -> Option<usize> {
        let settings = &self.groups.get(route)?.settings;
        let logins = settings.providers.iter().map(|name| self.providers.get(name)?.plan.login_bytes());
        let logins = logins.collect::<Option<Vec<_>>>()?.concat();
        let entry = |(registry, auth): &(usize, usize)| {
            let again = match settings.secret.credentials {
                LoginFormat::Auth => 0,
                // User and password together are as long as the `auth` before it was encoded.
                LoginFormat::Full => r#""username":"","password":"","#.len() + auth * 3 / 4,
            };
            registry + r#"":{"auth":""},"#.len() + auth + again
        };
        Some(logins.iter().map(entry).sum::<usize>() + r#"{"auths":{}}"#.len())
    }

    fn tokens<'a>(&self, providers: impl Iterator<Item = &'a ProviderName>) -> usize {
        let known = providers.filter_map(|name| Some((name, self.providers.get(name)?)));
        let mints = known.map(|(name, provider)| provider.mint().ok_or(name));
        mints.collect::<BTreeSet<_>>().len()
    }

    /// Adopts Secrets that another writer has given up, if they hold only logins of the config.
    #[must_use]
    pub fn with_adoption(self, adopt: bool) -> Self {
        Self { adopt, ..self }
    }

    /// Prepares the plan for a daemon. It watches its targets, and reads the others at the config's `resync` interval.
    #[must_use]
    pub fn watching(self) -> Self {
        Self { watching: Some(self.resync), ..self }
    }

    /// Restricts the plan to these namespaces. The error lists the namespaces that the config neither names nor may
    /// select.
    pub fn restrict_to(&mut self, wanted: &[NamespaceFilter]) -> Result<(), Vec<NamespaceFilter>> {
        let known = |filter: &&NamespaceFilter| self.groups.iter().any(|group| group.placement.may_meet(filter));
        let unknown = wanted.iter().filter(|filter| !known(filter)).cloned().collect::<Vec<_>>();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        for group in &mut self.groups {
            match &mut group.placement {
                Placement::Named(namespaces) => {
                    namespaces.retain(|it| wanted.iter().any(|filter| filter.takes(it.as_str())));
                }
                Placement::Selected(selected) => selected.only = Some(wanted.to_vec()),
            }
        }
        self.groups.retain(|group| wanted.iter().any(|filter| group.placement.may_meet(filter)));
        retain_needed(&mut self.providers, &self.groups);
        Ok(())
    }

    /// Returns whether the config names the namespaces of a route one by one.
    pub fn names_its_places(&self, route: usize) -> bool {
        self.groups.get(route).is_some_and(|group| matches!(group.placement, Placement::Named(_)))
    }

    /// Returns the schedule of the config as the function that the engine calls.
    pub fn schedule(&self) -> Option<Arc<Schedule>> {
        let schedule = self.schedule.clone()?;
        Some(Arc::new(move |after| schedule.next_after(after)))
    }
}

/// Removes the providers that no group needs.
fn retain_needed(providers: &mut BTreeMap<ProviderName, PlannedProvider>, groups: &[Group]) {
    let needed = groups.iter().flat_map(|group| &group.settings.providers).collect::<BTreeSet<_>>();
    providers.retain(|name, _| needed.contains(name));
}
