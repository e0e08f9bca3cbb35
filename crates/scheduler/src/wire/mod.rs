//! From a plan to an engine: the one place that knows every vendor.

mod clusters;
#[cfg(feature = "cli")]
mod demand;
mod listed;
mod minters;
mod prune;
mod reread;
mod sinks;

use std::{collections::HashMap, sync::Arc, time::Duration};

use regcred_config::{CLUSTERS, Config, Problems};
use regcred_core::{Clock, Error, ErrorKind, Result, SecretSink, StoreName};
use regcred_engine::{Builder, Engine, Route};
use regcred_openshift::Cluster;
use tokio::time::timeout;

use self::sinks::{Sinks, Way};
use crate::{
    Types,
    broken::Broken,
    types::{Kept, SinkEntry},
};

#[cfg(feature = "cli")]
pub(crate) use self::demand::{Demand, accounts, demands, other_sinks};
pub use self::{
    clusters::Clusters,
    minters::{Callers, Minters},
    prune::Pruning,
};
pub use crate::{plan::Plan, resolve::problems};

/// The time limit for making a sink of another type, which may ask servers.
const MAKING: Duration = Duration::from_secs(30);

/// Returns the plan of a config, or every problem of it. It makes no request.
pub fn plan(config: &Config, types: &Types) -> Result<Plan, Problems> {
    Plan::new(config, types)
}

/// An engine for the plan: one token per region and identity, however many registries and namespaces need it. Its routes are the
/// groups of the plan. Reads environment and AWS profile; asks nobody.
pub async fn engine(plan: Plan, types: &Types, clusters: Clusters, clock: Arc<dyn Clock>) -> Result<Builder> {
    engine_keeping(plan, types, clusters, clock, &mut Minters::default()).await
}

/// Returns such an engine with the minters of an earlier engine.
pub async fn engine_keeping(
    plan: Plan,
    types: &Types,
    clusters: Clusters,
    clock: Arc<dyn Clock>,
    kept: &mut Minters,
) -> Result<Builder> {
    let mut engine = Engine::builder(clock.clone());
    if plan.watching.is_some() {
        engine = engine.with_due_per_second(plan.due_per_second);
    }
    if let Some(schedule) = plan.schedule() {
        engine = engine.with_schedule(schedule);
    }
    for minter in kept.of(&plan, types, &clock).await? {
        engine = engine.with_minter(minter);
    }
    refuse_twins(&plan, &clusters)?;
    let mut sinks = Sinks::new(clusters, &plan);
    let mut others = others(&plan, types).await;
    let yields_to = (0..plan.groups.len()).map(|route| plan.yields_to(route)).collect::<Vec<_>>();
    let expected = plan.groups.iter().map(|group| plan.registries(&group.need)).collect::<Vec<_>>();
    for ((group, yields_to), expected) in plan.groups.into_iter().zip(yields_to).zip(expected) {
        let name = group.origin.name();
        let own = |sinks: &mut Sinks| {
            let way = Way::of(&group.need, plan.adopt).expecting(expected);
            let sink = sinks.sink(way)?;
            let source = sinks.source(&group, &sink, plan.watching)?;
            Ok((source, sink as Arc<dyn SecretSink>))
        };
        let kept = others.get_mut(&group.need.store).and_then(Iterator::next).map_or_else(|| own(&mut sinks), Ok);
        let (source, sink) = kept.unwrap_or_else(Broken::kept);
        engine = engine.with_route(Route::new(name, group.need.providers, source, sink).with_yields_to(yields_to));
    }
    Ok(engine)
}

/// Two sinks that are one cluster would write over each other for ever.
fn refuse_twins(plan: &Plan, clusters: &Clusters) -> Result<()> {
    for (place, (name, cluster)) in clusters.iter().enumerate() {
        let same = |(_, other): &(&StoreName, &Cluster)| other.server() == cluster.server();
        let Some((twin, _)) = clusters.iter().take(place).find(same) else { continue };
        let of = |store: &StoreName| plan.groups.iter().filter(|group| group.need.store == *store).collect::<Vec<_>>();
        let theirs = of(twin);
        if let Some(group) = of(name).into_iter().find(|group| theirs.iter().any(|other| group.meets(other))) {
            let secret = &group.need.secret.name;
            let message =
                format!("sinks {twin} and {name} are one cluster, {}, and both keep {secret}", cluster.server());
            return Err(Error::new(ErrorKind::Invalid, message));
        }
    }
    Ok(())
}

/// Returns the sources and sinks of other types, in the order of their groups.
async fn others(plan: &Plan, types: &Types) -> HashMap<StoreName, impl Iterator<Item = Kept> + use<>> {
    let mut others = HashMap::new();
    for (name, spec) in plan.sinks.iter().filter(|(_, spec)| !CLUSTERS.contains(&spec.kind())) {
        let groups = plan.groups.iter().filter(|group| group.need.store == *name);
        let entries = groups.map(|group| SinkEntry::of(group, plan.adopt)).collect::<Vec<_>>();
        let made = match types.sink(spec, &entries) {
            Ok(making) => timeout(MAKING, making).await.unwrap_or_else(|_| {
                let message = format!("the sink {name} was not made within {} s", MAKING.as_secs());
                Err(Error::new(ErrorKind::Unreachable, message))
            }),
            Err(problem) => Err(Error::new(ErrorKind::Invalid, problem.to_string())),
        };
        let made = made.and_then(|made| {
            let message = || format!("the sink {name} made {} parts of {} entries", made.len(), entries.len());
            if made.len() == entries.len() { Ok(made) } else { Err(Error::new(ErrorKind::Bug, message())) }
        });
        let made = made.unwrap_or_else(|error| vec![Broken::kept(error); entries.len()]);
        others.insert(name.clone(), made.into_iter());
    }
    others
}
