//! The engine: routes, minters and a clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use regcred_core::{Clock, Error, Result, Schedule, Target};
use tokio::sync::watch;

use crate::{
    Context, Event, Minter, Pass, Report, Route, codes, contest::Contests, reconcile::Reconciler, run_loop::RunLoop,
    shared::Shared,
};

/// The default number of concurrent reconciliations per store. The number hides the latency of an API
/// server without a noticeable load for its other clients.
const WORKERS: usize = 16;

/// Keeps the targets of its routes fresh.
#[derive(Debug)]
pub struct Engine(Arc<Shared>);

impl Engine {
    /// Returns a builder for an engine without routes, on this clock.
    pub fn builder(clock: Arc<dyn Clock>) -> Builder {
        Builder { minters: vec![], routes: vec![], context: Context::new(clock), workers: WORKERS, spread: None }
    }

    /// Reconciles every target, retries failures that may succeed, and reports.
    ///
    /// Dropping the future ends the pass immediately and leaves no partial write.
    pub async fn once(&self, pass: Pass) -> Report {
        let report = RunLoop::new(self.0.clone(), Some(pass), false).complete(pending()).await;
        self.0.reconciler.context.emit(&Event::PassEnded { report: &report });
        report
    }

    /// Observes every target and reports the [`Step`](crate::Step) that [`Engine::once`] would take. Mints and writes
    /// nothing.
    pub async fn plan(&self, pass: Pass) -> Report {
        RunLoop::new(self.0.clone(), Some(pass), true).complete(pending()).await
    }

    /// Runs until `stop`, then waits for writes in progress, for at most 20 s. Reports the latest outcome of every
    /// target.
    pub async fn run(&self, stop: impl Future<Output = ()>) -> Report {
        Box::pin(RunLoop::new(self.0.clone(), None, false).complete(stop)).await
    }

    /// Returns every target of the current run. `None`: no run is active, a source has not sent all its targets yet, or
    /// a source has failed.
    pub fn targets(&self) -> Option<BTreeSet<Target>> {
        let known = self.0.known();
        known.is_complete.then(|| known.targets.clone())
    }

    /// Makes the current run write every target once more, even if it is fresh.
    ///
    /// The writes run after urgent targets and at the pace of due targets. They use the credentials that the minters
    /// hold. To write new ones, make the minters [forget](crate::Minter::forget) theirs first.
    pub fn refresh(&self) {
        self.0.refreshes.send_replace(());
    }
}

/// Builds an [`Engine`].
#[derive(Debug)]
pub struct Builder {
    minters: Vec<Arc<Minter>>,
    routes: Vec<Route>,
    context: Context,
    workers: usize,
    spread: Option<Duration>,
}

impl Builder {
    /// Adds a provider. A [`Minter`] that another engine has used keeps its credential and its back-off.
    #[must_use]
    pub fn with_minter(mut self, minter: impl Into<Arc<Minter>>) -> Self {
        self.minters.push(minter.into());
        self
    }

    /// Adds a route. If two routes have the same address, the first one owns it once its source has sent it.
    #[must_use]
    pub fn with_route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// Adds scheduled renewals to those that follow from each credential's life.
    #[must_use]
    pub fn with_schedule(self, schedule: Arc<Schedule>) -> Self {
        Self { context: self.context.with_schedule(schedule), ..self }
    }

    /// Sets the callback for events. It runs on the engine's tasks and must not block.
    #[must_use]
    pub fn with_on_event(self, on_event: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        Self { context: self.context.with_on_event(on_event), ..self }
    }

    /// Sets the number of concurrent reconciliations per store. Default: 16, minimum: 1.
    #[must_use]
    pub fn with_workers(self, workers: usize) -> Self {
        Self { workers: workers.max(1), ..self }
    }

    /// Sets how many due targets a run reconciles per second. Targets that were created together are then not all
    /// refreshed together.
    ///
    /// Each time a store asks for a pause, the rate is halved, down to one per second. Events do not wait. 0, the
    /// default, means no limit.
    #[must_use]
    pub fn with_due_per_second(self, count: u32) -> Self {
        Self { spread: (count > 0).then(|| Duration::from_secs(1) / count), ..self }
    }

    /// Builds the engine.
    ///
    /// Returns [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) if two minters share a name, or if a route
    /// names no provider or an unknown one. The same holds for a route that yields to a route that does not come before
    /// it.
    pub fn build(self) -> Result<Arc<Engine>> {
        let Self { minters: named, routes, context, workers, spread } = self;
        let invalid = |cause: String| Err(Error::new(&codes::WIRING, "cannot build the engine").with_cause(cause));
        let mut minters = BTreeMap::new();
        for minter in named {
            let name = minter.name().clone();
            if minters.insert(name.clone(), minter).is_some() {
                return invalid(format!("two providers have the name {name}"));
            }
        }
        for (place, route) in routes.iter().enumerate() {
            if route.yields_to.iter().any(|other| *other >= place) {
                return invalid(format!("the route {} yields to a route that does not come before it", route.name));
            }
            if route.providers.is_empty() {
                return invalid("a route names no provider".into());
            }
            if let Some(unknown) = route.providers.iter().find(|name| !minters.contains_key(*name)) {
                return invalid(format!("a route names the provider {unknown}, which does not exist"));
            }
        }
        let reconciler = Arc::new(Reconciler { minters, contests: Contests::default(), context });
        let (known, refreshes) = (Mutex::default(), watch::Sender::default());
        Ok(Arc::new(Engine(Arc::new(Shared { reconciler, routes, workers, spread, known, refreshes }))))
    }
}
