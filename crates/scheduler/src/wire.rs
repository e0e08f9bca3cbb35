//! From a plan to an engine: the one place that knows every vendor.

use std::{collections::BTreeMap, sync::Arc};

use regcred_config::{AccountLink, Config, LinkName, Problems};
use regcred_core::{Clock, Error, ErrorKind, InstanceName, Result, StoreName, Target};
use regcred_ecr::{RegistryHost, Transport};
use regcred_engine::{Builder, Engine, Minter, Route};
use regcred_openshift::{Cluster, Foreign, Link, OpenShiftSink};

use crate::{
    Types,
    plan::{Group, Need},
    provider::{Provider, Token},
};

pub use crate::plan::{Plan, problems};

/// The one store there is.
const STORE: &str = "cluster";
/// From so many targets on, a few lists are cheaper than four reads each.
const BULK: usize = 8;

/// What a config comes to. Asks nobody; every problem at once.
pub fn plan(config: &Config, types: &Types) -> Result<Plan, Problems> {
    Plan::new(config, types)
}

/// An engine for the plan: one token per region and identity, however many registries and namespaces need it. Reads environment
/// and AWS profile; asks nobody.
pub async fn engine(plan: Plan, types: &Types, cluster: Cluster, clock: Arc<dyn Clock>) -> Result<Builder> {
    let store = StoreName::new(STORE)?;
    let bulk = plan.secrets() >= BULK;
    let mut engine = Engine::builder(clock.clone());
    if let Some(schedule) = plan.schedule() {
        engine = engine.with_schedule(schedule);
    }
    for minter in minters(&plan, types, &clock).await? {
        engine = engine.with_minter(minter);
    }
    let mut sinks = Sinks { cluster, instance: plan.instance.clone(), bulk, made: vec![] };
    for Group { need, namespaces } in plan.groups {
        let Need { providers, secret, accounts } = need;
        let foreign = match (secret.merge, secret.adopt || plan.adopt) {
            (true, _) => Foreign::Merge,
            (false, true) => Foreign::Adopt,
            (false, false) => Foreign::Refuse,
        };
        let sink = sinks.sink(foreign, accounts);
        let target = |namespace| Target { store: store.clone(), namespace, name: secret.name.clone() };
        let source = Arc::new(namespaces.into_iter().map(target).collect::<Vec<_>>());
        engine = engine.with_route(Route { providers, source, sink });
    }
    Ok(engine)
}

/// One sink for each way to keep a Secret: what it has read of the cluster serves all of its targets.
struct Sinks {
    cluster: Cluster,
    instance: InstanceName,
    bulk: bool,
    made: Vec<(Foreign, Option<Vec<AccountLink>>, Arc<OpenShiftSink>)>,
}

impl Sinks {
    fn sink(&mut self, foreign: Foreign, accounts: Option<Vec<AccountLink>>) -> Arc<OpenShiftSink> {
        if let Some((.., sink)) = self.made.iter().find(|(kept, links, _)| *kept == foreign && *links == accounts) {
            return sink.clone();
        }
        let sink = OpenShiftSink::builder(self.cluster.clone())
            .with_instance(self.instance.clone())
            .with_foreign(foreign)
            .with_links(links(accounts.as_deref()))
            .with_bulk_reads(self.bulk);
        let sink = Arc::new(sink.build());
        self.made.push((foreign, accounts, sink.clone()));
        sink
    }
}

fn links(accounts: Option<&[AccountLink]>) -> Vec<Link> {
    let Some(accounts) = accounts else { return Link::defaults() };
    let link = |AccountLink { name, link }: &AccountLink| match (
        link.contains(&LinkName::Pull),
        link.contains(&LinkName::Mount),
    ) {
        (true, true) => Link::pull_and_mount(name),
        (false, true) => Link::mount(name),
        (_, false) => Link::pull(name),
    };
    accounts.iter().map(link).collect()
}

/// One per provider of the plan. Those of one token of ECR share the one that asks for it, and differ in the hosts they name.
async fn minters(plan: &Plan, types: &Types, clock: &Arc<dyn Clock>) -> Result<Vec<Minter>> {
    let mut tokens = BTreeMap::<&Token, Arc<Minter>>::new();
    let (transport, mut minters) = (Transport::new()?, vec![]);
    for (name, wanted) in &plan.providers {
        let wanted = match wanted {
            Provider::Ecr(wanted) => wanted,
            Provider::Other(spec) => {
                let making =
                    types.provider(spec).map_err(|problem| Error::new(ErrorKind::Invalid, problem.to_string()))?;
                minters.push(Minter::new(name.clone(), making.await?));
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
