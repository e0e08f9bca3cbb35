//! From a plan to an engine: the one place that knows every vendor.

use std::{collections::BTreeMap, sync::Arc};

use regcred_config::{Config, Problems};
use regcred_core::{Clock, Result, StoreName, Target};
use regcred_ecr::{EcrProvider, Region, RegistryHost, Transport};
use regcred_engine::{Builder, Engine, Minter, Route};
use regcred_openshift::{Cluster, Foreign, Link, OpenShiftSink};

pub use crate::plan::{Plan, problems};

/// The one store of the short form.
const STORE: &str = "cluster";
/// From so many targets on, a few lists are cheaper than four reads each.
const BULK: usize = 8;

/// What a config comes to. Asks nobody; every problem at once.
pub fn plan(config: &Config) -> Result<Plan, Problems> {
    Plan::new(config)
}

/// An engine for the plan: one token per region, however many registries and namespaces need it. Reads environment and AWS
/// profile; asks nobody.
pub async fn engine(plan: Plan, cluster: Cluster, clock: Arc<dyn Clock>) -> Result<Builder> {
    let store = StoreName::new(STORE)?;
    let count = plan.namespaces().len();
    let foreign = if plan.adopt { Foreign::Adopt } else { Foreign::Refuse };
    let sink = OpenShiftSink::builder(cluster).with_instance(plan.instance.clone()).with_foreign(foreign);
    let sink = Arc::new(sink.with_links(Link::defaults()).with_bulk_reads(count >= BULK).build());

    let mut engine = Engine::builder(clock.clone());
    if let Some(schedule) = plan.schedule() {
        engine = engine.with_schedule(schedule);
    }
    for minter in minters(&plan, &clock).await? {
        engine = engine.with_minter(minter);
    }
    for group in plan.groups {
        let target = |namespace| Target { store: store.clone(), namespace, name: plan.secret.clone() };
        let source = Arc::new(group.namespaces.into_iter().map(target).collect::<Vec<_>>());
        engine = engine.with_route(Route { providers: group.providers, source, sink: sink.clone() });
    }
    Ok(engine)
}

/// One per provider of the plan. Those of one region share the one that asks ECR, and differ in the hosts they name.
async fn minters(plan: &Plan, clock: &Arc<dyn Clock>) -> Result<Vec<Minter>> {
    let mut regions = BTreeMap::<Region, Arc<Minter>>::new();
    let (transport, mut minters) = (Transport::new()?, vec![]);
    for (name, wanted) in &plan.providers {
        if !regions.contains_key(&wanted.region) {
            let provider = EcrProvider::builder(wanted.region.clone()).with_transport(transport.clone());
            let provider = provider.with_clock(clock.clone()).build().await?;
            let minter = Minter::new(format!("ecr-{}", wanted.region).parse()?, Arc::new(provider));
            regions.insert(wanted.region.clone(), Arc::new(minter));
        }
        let base = regions[&wanted.region].clone();
        let registries = wanted.hosts.iter().map(RegistryHost::registry).collect::<Vec<_>>();
        minters.push(Minter::derived(name.clone(), base, move |own| {
            if registries.is_empty() { Ok(own.clone()) } else { own.for_registries(registries.clone()) }
        }));
    }
    Ok(minters)
}
