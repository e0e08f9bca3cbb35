//! Routes, minters and a clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use regcred_core::{Clock, Error, ErrorKind, Result, Schedule, Target};
use tokio::sync::watch;

use crate::{
    Context, Event, Minter, Pass, Report, Route, contest::Contests, reconcile::Reconciler, run_loop::RunLoop,
    shared::Shared,
};

/// At so many targets of one store the engine works at once: enough to hide the latency of an API server, few enough not to
/// be felt by its other clients.
const WORKERS: usize = 16;

/// Keeps the targets of its routes fresh.
#[derive(Debug)]
pub struct Engine(Arc<Shared>);

impl Engine {
    /// One without routes, on this clock.
    pub fn builder(clock: Arc<dyn Clock>) -> Builder {
        Builder { minters: vec![], routes: vec![], context: Context::new(clock), workers: WORKERS, spread: None }
    }

    /// Looks at every target, does what is due, looks again at what may go better, and reports.
    ///
    /// Dropping the future ends it at once and leaves nothing half-written.
    pub async fn once(&self, pass: Pass) -> Report {
        let report = RunLoop::new(self.0.clone(), Some(pass), false).complete(pending()).await;
        self.0.reconciler.context.emit(&Event::PassEnded { report: &report });
        report
    }

    /// Looks at every target and reports the [`Step`](crate::Step) that [`Engine::once`] would take. Mints and writes nothing.
    pub async fn plan(&self, pass: Pass) -> Report {
        RunLoop::new(self.0.clone(), Some(pass), true).complete(pending()).await
    }

    /// Goes on until `stop`, then lets writes that are under way finish, for 20 s at the most, and reports the latest word on
    /// every target.
    pub async fn run(&self, stop: impl Future<Output = ()>) -> Report {
        Box::pin(RunLoop::new(self.0.clone(), None, false).complete(stop)).await
    }

    /// Every target of the run that goes on; `None`: not all sources have named theirs, or one has failed.
    pub fn targets(&self) -> Option<BTreeSet<Target>> {
        let known = self.0.known();
        known.is_complete.then(|| known.targets.clone())
    }

    /// Has the run that goes on write each target once more though it is fresh, after whatever is urgent and no faster than what falls
    /// due. What the minters hold is written: for something new, have them [forget](crate::Minter::forget) it first.
    pub fn refresh(&self) {
        self.0.refreshes.send_replace(());
    }
}

/// Makes an [`Engine`].
#[derive(Debug)]
pub struct Builder {
    minters: Vec<Arc<Minter>>,
    routes: Vec<Route>,
    context: Context,
    workers: usize,
    spread: Option<Duration>,
}

impl Builder {
    /// Adds a provider. A [`Minter`] that another engine has used brings its credential and its back-off along.
    #[must_use]
    pub fn with_minter(mut self, minter: impl Into<Arc<Minter>>) -> Self {
        self.minters.push(minter.into());
        self
    }

    /// Adds a route. Where two name one address, the first has it once its source has named it.
    #[must_use]
    pub fn with_route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// Adds runs to those that are planned from each credential's own life.
    #[must_use]
    pub fn with_schedule(self, schedule: Arc<Schedule>) -> Self {
        Self { context: self.context.with_schedule(schedule), ..self }
    }

    /// Sets the callback for what happens. It runs on the engine's tasks and must not block.
    #[must_use]
    pub fn with_on_event(self, on_event: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        Self { context: self.context.with_on_event(on_event), ..self }
    }

    /// Sets at how many targets of one store to work at once. Default: 16, least: 1.
    #[must_use]
    pub fn with_workers(self, workers: usize) -> Self {
        Self { workers: workers.max(1), ..self }
    }

    /// Sets how many targets a second that fall due are looked at by a run, so that what was made at once is not refreshed at once;
    /// half as many after each time that a store asks for a pause. What an event asks for does not wait. 0: as many as there are, which
    /// is the default.
    #[must_use]
    pub fn with_due_per_second(self, count: u32) -> Self {
        Self { spread: (count > 0).then(|| Duration::from_secs(1) / count), ..self }
    }

    /// [`ErrorKind::Invalid`] if two minters share a name, a route names none or one that does not exist, or yields to one that does not
    /// come before it.
    pub fn build(self) -> Result<Arc<Engine>> {
        let Self { minters: named, routes, context, workers, spread } = self;
        let invalid = |message: String| Err(Error::new(ErrorKind::Invalid, message));
        let mut minters = BTreeMap::new();
        for minter in named {
            let name = minter.name().clone();
            if minters.insert(name.clone(), minter).is_some() {
                return invalid(format!("two providers are called {name}"));
            }
        }
        for (place, route) in routes.iter().enumerate() {
            if route.yields_to.iter().any(|other| *other >= place) {
                return invalid(format!("the route {} yields to one that does not come before it", route.name));
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
