//! From a plan to an engine: the one place that knows every vendor.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use regcred_config::{AccountLink, Config, LinkName, Problems};
use regcred_core::{Clock, InstanceName, Result, StoreName, Target};
use regcred_ecr::{Alias, PUBLIC_HOSTS, RegistryHost, Transport, password};
use regcred_engine::{Builder, Engine, Minter, Route};
use regcred_openshift::{Cluster, Foreign, Link, OpenShiftSink, discover::Vendor};

use crate::{
    Types,
    plan::{Group, Need},
    provider::{Provider, Token},
};

pub use crate::plan::{Plan, problems};

/// The one store there is.
const STORE: &str = "cluster";
/// From so many Secrets of one name on, a few lists are cheaper than four reads each.
const BULK: usize = 8;

/// What a config comes to. Asks nobody; every problem at once.
pub fn plan(config: &Config, types: &Types) -> Result<Plan, Problems> {
    Plan::new(config, types)
}

/// An engine for the plan: one token per region and identity, however many registries and namespaces need it. Reads environment
/// and AWS profile; asks nobody.
pub async fn engine(plan: Plan, types: &Types, cluster: Cluster, clock: Arc<dyn Clock>) -> Result<Builder> {
    let store = StoreName::new(STORE)?;
    let mut engine = Engine::builder(clock.clone());
    if let Some(schedule) = plan.schedule() {
        engine = engine.with_schedule(schedule);
    }
    for minter in minters(&plan, types, &clock).await? {
        engine = engine.with_minter(minter);
    }
    let mut sinks = Sinks { cluster, instance: plan.instance.clone(), made: vec![] };
    let ways = plan.groups.iter().map(|group| (Way::of(&group.need, plan.adopt), &group.need.secret.name, group));
    let mut alike = HashMap::<_, usize>::new();
    for (way, name, group) in ways {
        *alike.entry((way, name.clone())).or_default() += group.namespaces.len();
    }
    for Group { need, namespaces } in plan.groups {
        let (way, name) = (Way::of(&need, plan.adopt), need.secret.name);
        let bulk = alike[&(way.clone(), name.clone())] >= BULK;
        let sink = sinks.sink(way, bulk);
        let target = |namespace| Target { store: store.clone(), namespace, name: name.clone() };
        let source = Arc::new(namespaces.into_iter().map(target).collect::<Vec<_>>());
        engine = engine.with_route(Route { providers: need.providers, source, sink });
    }
    Ok(engine)
}

/// How a Secret is kept, whatever its name.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Way {
    foreign: Foreign,
    accounts: Option<Vec<AccountLink>>,
}

impl Way {
    fn of(need: &Need, adopt: bool) -> Self {
        let foreign = match (need.secret.merge, need.secret.adopt || adopt) {
            (true, _) => Foreign::Merge,
            (false, true) => Foreign::Adopt,
            (false, false) => Foreign::Refuse,
        };
        Self { foreign, accounts: need.accounts.clone() }
    }

    /// Whose Secret it stays has linked it already: only what the config asks for is added.
    fn links(&self) -> Vec<Link> {
        match (&self.accounts, self.foreign) {
            (Some(accounts), _) => accounts.iter().map(link).collect(),
            (None, Foreign::Merge) => vec![],
            (None, _) => Link::defaults(),
        }
    }
}

/// One sink for each way: what it has read of the cluster serves all of its targets.
struct Sinks {
    cluster: Cluster,
    instance: InstanceName,
    made: Vec<(Way, bool, Arc<OpenShiftSink>)>,
}

impl Sinks {
    fn sink(&mut self, way: Way, bulk: bool) -> Arc<OpenShiftSink> {
        if let Some((.., sink)) = self.made.iter().find(|(made, reads, _)| (made, *reads) == (&way, bulk)) {
            return sink.clone();
        }
        let sink = OpenShiftSink::builder(self.cluster.clone())
            .with_instance(self.instance.clone())
            .with_foreign(way.foreign)
            .with_links(way.links())
            .with_bulk_reads(bulk);
        let sink = Arc::new(sink.build());
        self.made.push((way, bulk, sink.clone()));
        sink
    }
}

fn link(AccountLink { name, link }: &AccountLink) -> Link {
    match (link.contains(&LinkName::Pull), link.contains(&LinkName::Mount)) {
        (true, true) => Link::pull_and_mount(name),
        (false, true) => Link::mount(name),
        (_, false) => Link::pull(name),
    }
}

/// One per provider of the plan. Those of one token of ECR share the one that asks for it, and differ in the hosts they name.
async fn minters(plan: &Plan, types: &Types, clock: &Arc<dyn Clock>) -> Result<Vec<Minter>> {
    let mut tokens = BTreeMap::<&Token, Arc<Minter>>::new();
    let (transport, mut minters) = (Transport::new()?, vec![]);
    for (name, wanted) in &plan.providers {
        let wanted = match wanted {
            Provider::Ecr(wanted) => wanted,
            Provider::Other(spec) => {
                minters.push(Minter::new(name.clone(), Arc::new(types.provider(spec.clone()))));
                continue;
            }
        };
        if !tokens.contains_key(&wanted.token) {
            let provider = wanted.token.provider().with_transport(transport.clone()).with_clock(clock.clone());
            let base = Minter::new(name.clone(), Arc::new(provider.build().await?));
            tokens.insert(&wanted.token, Arc::new(base));
        }
        let base = tokens[&wanted.token].clone();
        let registries = wanted.hosts.iter().map(RegistryHost::registry).collect::<Vec<_>>();
        minters.push(Minter::derived(name.clone(), base, move |own| {
            if registries.is_empty() { Ok(own.clone()) } else { own.for_registries(registries.clone()) }
        }));
    }
    Ok(minters)
}

/// How logins of ECR are told from those of others in a cluster.
pub(crate) fn ecr() -> Vendor {
    Vendor {
        owns: |key| RegistryHost::parse(key).is_ok() || PUBLIC_HOSTS.contains(&key),
        user: password::USER,
        ends: password::ends_at,
        life: password::LIFE,
    }
}

/// A host of ECR, as a config asks for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Host {
    pub(crate) region: String,
    pub(crate) account: String,
    /// Which of `aliases` it takes; `None`: it is the plain one.
    pub(crate) alias: Option<&'static str>,
}

/// What such a host is; `None` of one of ECR Public, or of another vendor.
pub(crate) fn host(registry: &str) -> Option<Host> {
    let host = RegistryHost::parse(registry).ok()?;
    let alias = host.alias().map(|alias| match alias {
        Alias::Fips => "fips",
        Alias::DualStack => "dualstack",
        Alias::DualStackFips => "all",
    });
    Some(Host { region: host.region().to_string(), account: host.account().to_string(), alias })
}
