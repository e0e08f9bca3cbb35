//! Creates an engine from a plan.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use regcred_core::{Clock, Error, StoreName};
use regcred_engine::{Builder, Engine, Route};
use regcred_plan::{Plan, SourceAndSink, Types};
use tokio::time::timeout;

use crate::{broken::Broken, codes, minters::Minters};

/// The time limit for creating a sink, which may make requests.
const MAKING: Duration = Duration::from_secs(30);

/// Returns an engine for the plan, with the minters of an earlier engine. Its routes are those of the plan.
///
/// It mints once per credential, regardless of the number of providers and targets that share it. If a sink cannot be
/// created, only the routes of that sink fail.
///
/// # Panics
///
/// Never: there are a source and a sink for each route.
pub async fn engine(plan: &Plan, types: &Types, minters: &mut Minters, clock: Arc<dyn Clock>) -> Builder {
    let mut engine = Engine::builder(clock.clone());
    if let Some(due_per_second) = plan.due_per_second() {
        engine = engine.with_due_per_second(due_per_second);
    }
    if let Some(schedule) = plan.schedule() {
        engine = engine.with_schedule(schedule);
    }
    for minter in minters.of(plan, types) {
        engine = engine.with_minter(minter);
    }
    let mut kept = HashMap::new();
    for store in (0..plan.routes()).map(|route| plan.store(route)).collect::<BTreeSet<_>>() {
        kept.insert(store, make(plan, store, types, &clock).await.into_iter());
    }
    for route in 0..plan.routes() {
        let next = kept.get_mut(plan.store(route)).and_then(Iterator::next);
        let (source, sink) = next.expect("there is one for each route");
        let name = plan.entry(route).unwrap_or_default();
        let made = Route::new(name, plan.wanted(route).to_vec(), source, sink);
        engine = engine.with_route(made.with_yields_to(plan.yields_to(route)));
    }
    engine
}

/// Creates a source and a sink for each route of a store.
async fn make(plan: &Plan, store: &StoreName, types: &Types, clock: &Arc<dyn Clock>) -> Vec<SourceAndSink> {
    let routes = (0..plan.routes()).filter(|route| plan.store(*route) == store).count();
    let failed =
        |code, cause: String| Err(Error::new(code, format!("cannot create the sink {store}")).with_cause(cause));
    let made = timeout(MAKING, plan.make_sink(store, types, clock)).await;
    let made = made
        .unwrap_or_else(|_| failed(&codes::SINK_TIMEOUT, format!("it was not ready within {} s", MAKING.as_secs())));
    let made = made.and_then(|made| {
        let cause = || format!("its type returned {} parts for {routes} entries", made.len());
        if made.len() == routes { Ok(made) } else { failed(&codes::SINK_PARTS, cause()) }
    });
    made.unwrap_or_else(|error| vec![Broken::kept(error); routes])
}
