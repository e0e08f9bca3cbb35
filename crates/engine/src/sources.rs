//! The targets, and the route that owns each of them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use regcred_core::{Error, Result, Target, TargetEvent, TargetReceiver, TargetSender, TargetSource};
use tokio::{
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::{Instant, sleep},
};
use tracing::{debug, info, warn};

use crate::{Route, codes, workqueue::backoff::pause};

/// The number of buffered events after which a source has to wait.
const CAPACITY: usize = 1024;

/// A source that was in sync for this time before it failed starts with a new count of failures.
const STEADY: Duration = Duration::from_mins(5);

/// The sources of all routes. If several routes have a target, the first one owns it. If that route drops the target,
/// the next route owns it.
pub(crate) struct Sources {
    /// In a pass: the maximum number of attempts per source. A pass ignores events after the first `Synced` of a
    /// source. `None`: this is a run.
    tries: Option<u32>,
    sender: TargetSender,
    receiver: TargetReceiver,
    tasks: JoinSet<Result<()>>,
    watching: HashMap<Id, usize>,
    routes: Vec<State>,
    /// The routes that have each target, in order.
    named_by: HashMap<Target, Vec<usize>>,
}

/// The state of a source.
struct State {
    name: String,
    source: Arc<dyn TargetSource>,
    yields_to: Vec<usize>,
    /// The targets that it sent while a route that it yields to had not sent all its targets.
    held: HashSet<Target>,
    /// Whether it has sent all its targets at least once.
    settled: bool,
    /// Why it will not send all its targets in this pass.
    lost: Option<Error>,
    task: Option<AbortHandle>,
    synced: bool,
    /// The targets that it sent before a restart and has not sent since.
    before: HashSet<Target>,
    failures: u32,
    synced_at: Option<Instant>,
    /// The targets that an earlier route owns and that were not logged yet.
    shadowed: HashSet<Target>,
}

impl State {
    /// Returns a change if the targets of this route will not be known. `route` is another route, which has sent
    /// `target`. This route may own that target.
    fn unknown(&self, route: usize, target: &Target) -> Option<Change> {
        let error = self.lost.as_ref()?;
        let cause = format!("it may be a target of {}, whose targets are not known: {}", self.name, error.chain());
        let error = Error::new(error.code(), "cannot find the entry of the target").with_cause(cause);
        Some(Change::Unknown { route, target: target.clone(), error })
    }
}

/// A change that follows from an event.
pub(crate) enum Change {
    /// The target must be reconciled. `urgent`: before due targets. `taken_over`: another route owns it now.
    Present { target: Target, urgent: bool, taken_over: bool },
    /// The target is gone.
    Gone(Target),
    /// A source failed.
    Failed { route: usize, error: Error },
    /// The target may belong to an earlier route, whose source failed permanently. It is left unchanged.
    Unknown { route: usize, target: Target, error: Error },
    /// A source has sent all its targets, for the first time or after a failure.
    Synced { route: usize },
}

/// Inserts a route in order. Returns whether it was absent.
fn insert(routes: &mut Vec<usize>, route: usize) -> bool {
    let place = routes.binary_search(&route);
    if let Err(place) = place {
        routes.reserve_exact(1); // saves memory: there is one list per target
        routes.insert(place, route);
    }
    place.is_err()
}

impl Sources {
    /// Starts all sources. `tries`: the maximum number of attempts per source in a pass. `None`: no limit.
    pub(crate) fn start(routes: &[Route], tries: Option<u32>) -> Self {
        let (sender, receiver) = TargetSender::channel(CAPACITY);
        let state = |route: &Route| State {
            name: route.name.clone(),
            source: route.source.clone(),
            yields_to: route.yields_to.clone(),
            held: HashSet::new(),
            settled: false,
            lost: None,
            task: None,
            synced: false,
            before: HashSet::new(),
            failures: 0,
            synced_at: None,
            shadowed: HashSet::new(),
        };
        let mut sources = Self {
            tries,
            sender,
            receiver,
            tasks: JoinSet::new(),
            watching: HashMap::new(),
            routes: routes.iter().map(state).collect(),
            named_by: HashMap::new(),
        };
        for route in 0..routes.len() {
            sources.watch(route, Duration::ZERO);
        }
        sources
    }

    /// Waits for changes and returns them. The future may be dropped at its await.
    pub(crate) async fn next(&mut self) -> Vec<Change> {
        tokio::select! {
            Some((route, event)) = self.receiver.next() => self.see(route, event),
            Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
        }
    }

    /// Returns the route that owns a target. `None`: it is not a target.
    pub(crate) fn owner(&self, target: &Target) -> Option<usize> {
        self.named_by.get(target)?.first().copied()
    }

    /// Returns the targets that wait for an earlier route to send all its targets, with the route that sent them.
    pub(crate) fn held(&self) -> impl Iterator<Item = (usize, &Target)> {
        self.routes.iter().enumerate().flat_map(|(route, state)| state.held.iter().map(move |target| (route, target)))
    }

    /// Returns every target.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.named_by.keys()
    }

    /// Returns every target in order, which is the order in which a sink lists them.
    pub(crate) fn sorted(&self) -> Vec<Target> {
        let mut all = self.targets().cloned().collect::<Vec<_>>();
        all.sort();
        all
    }

    /// Returns the routes whose source has not sent all its targets yet.
    pub(crate) fn unsynced(&self) -> impl Iterator<Item = usize> {
        self.routes.iter().enumerate().filter(|(_, state)| !state.synced).map(|(route, _)| route)
    }

    /// Returns whether every source has sent all its targets, and every event was handled.
    pub(crate) fn are_synced(&self) -> bool {
        self.unsynced().next().is_none() && self.receiver.is_empty()
    }

    fn watch(&mut self, route: usize, after: Duration) {
        let (source, sender) = (self.routes[route].source.clone(), self.sender.for_route(route));
        let watch = async move {
            sleep(after).await;
            source.watch(sender.clone()).await?;
            sender.send(TargetEvent::Synced).await; // a source that ends has sent all its targets
            Ok(())
        };
        let task = self.tasks.spawn(watch);
        self.watching.insert(task.id(), route);
        self.routes[route].task = Some(task);
    }

    /// Handles an event. Nothing is urgent until a source has sent all its targets. Afterwards, a target that
    /// appears or changes is urgent.
    fn see(&mut self, route: usize, event: TargetEvent) -> Vec<Change> {
        let (once, state) = (self.tries.is_some(), &mut self.routes[route]);
        if once && state.synced {
            return vec![];
        }
        match event {
            TargetEvent::Present(target) => {
                let urgent = state.synced;
                self.name(route, target, urgent)
            }
            TargetEvent::Again(target) => self.name(route, target, false),
            TargetEvent::Gone(target) => self.forget(route, target),
            TargetEvent::Synced => {
                if state.failures > 0 {
                    info!(source = state.name, failures = state.failures, "recovered source");
                }
                (state.synced, state.synced_at) = (true, Some(Instant::now()));
                if let Some(task) = state.task.take().filter(|_| once) {
                    task.abort();
                }
                let gone = std::mem::take(&mut state.before);
                let mut changes = gone.into_iter().flat_map(|target| self.forget(route, target)).collect::<Vec<_>>();
                self.report_shadowed(route);
                changes.extend(self.settle(route));
                changes.push(Change::Synced { route });
                changes
            }
        }
    }

    /// Records that a route has a target. The route owns it unless an earlier route has it.
    fn name(&mut self, route: usize, target: Target, urgent: bool) -> Vec<Change> {
        self.routes[route].before.remove(&target);
        let earlier = || self.routes[route].yields_to.iter().map(|other| &self.routes[*other]);
        if let Some(unknown) = earlier().find_map(|other| other.unknown(route, &target)) {
            return vec![unknown];
        }
        let waits = earlier().any(|other| !other.settled);
        let state = &mut self.routes[route];
        if waits {
            state.held.insert(target);
            return vec![];
        }
        let routes = self.named_by.entry(target.clone()).or_default();
        let is_new = insert(routes, route);
        if routes.first() == Some(&route) {
            let taken_over = is_new && routes.len() > 1;
            return vec![Change::Present { target, urgent, taken_over }];
        }
        if is_new {
            state.shadowed.insert(target);
        }
        vec![]
    }

    /// Records that the targets of a route will not be known in this pass. Releases the targets that other routes hold
    /// for it.
    fn give_up(&mut self, route: usize, error: &Error) -> Vec<Change> {
        self.routes[route].lost = Some(error.clone());
        self.release(route)
    }

    /// Records that a route has sent all its targets.
    fn settle(&mut self, route: usize) -> Vec<Change> {
        let before = std::mem::replace(&mut self.routes[route].settled, true);
        if before { vec![] } else { self.release(route) }
    }

    /// Releases the targets that other routes hold for a route, once it is known whether it sends all its targets.
    fn release(&mut self, route: usize) -> Vec<Change> {
        let mut changes = vec![];
        for waiting in 0..self.routes.len() {
            if self.routes[waiting].yields_to.contains(&route) {
                let held = std::mem::take(&mut self.routes[waiting].held);
                let urgent = self.routes[waiting].synced;
                changes.extend(held.into_iter().flat_map(|target| self.name(waiting, target, urgent)));
                self.report_shadowed(waiting);
            }
        }
        changes
    }

    /// Logs one line for all targets that an earlier route owns.
    fn report_shadowed(&mut self, route: usize) {
        let State { name, shadowed, .. } = &mut self.routes[route];
        let shadowed = std::mem::take(shadowed);
        if let Some(example) = shadowed.iter().min() {
            let count = shadowed.len();
            let reason = "an earlier entry of the config names them";
            warn!(source = name, count, %example, reason, "skipped duplicate targets");
        }
    }

    /// Records that a route no longer has a target. If it owned the target, the next route that has it owns it now.
    fn forget(&mut self, route: usize, target: Target) -> Vec<Change> {
        self.routes[route].before.remove(&target);
        self.routes[route].held.remove(&target);
        let Some(routes) = self.named_by.get_mut(&target) else { return vec![] };
        let was_owner = routes.first() == Some(&route);
        routes.retain(|other| *other != route);
        if !routes.is_empty() {
            let present = Change::Present { target, urgent: true, taken_over: true };
            return if was_owner { vec![present] } else { vec![] };
        }
        self.named_by.remove(&target);
        vec![Change::Gone(target)]
    }

    fn ended(&mut self, ended: Result<(Id, Result<()>), JoinError>) -> Vec<Change> {
        let (id, result) = ended.unwrap_or_else(|error| {
            let panicked = Error::new(&codes::PANIC, "cannot watch the source").with_cause("it panicked");
            (error.id(), if error.is_cancelled() { Ok(()) } else { Err(panicked) })
        });
        // The events that the source sent before its end come first.
        let mut changes = vec![];
        while let Some((route, event)) = self.receiver.try_next() {
            changes.extend(self.see(route, event));
        }
        let route = self.watching.remove(&id).expect("every watch was entered when it began");
        if let Err(error) = result {
            changes.extend(self.failed(route, error));
        }
        changes
    }

    fn failed(&mut self, route: usize, error: Error) -> Vec<Change> {
        let state = &mut self.routes[route];
        if self.tries.is_some() && state.synced {
            return vec![]; // a pass needs nothing after all targets were sent
        }
        if state.synced_at.take().is_some_and(|at| at.elapsed() >= STEADY) {
            state.failures = 0;
        }
        state.failures += 1;
        let failures = state.failures;
        let (kind, code, text, name) = (error.kind(), error.code(), error.chain(), &state.name);
        if failures == 1 {
            warn!(source = name, %kind, %code, error = text, failures, "cannot discover targets");
        } else {
            debug!(source = name, %kind, %code, error = text, failures, "cannot discover targets");
        }
        if self.tries.is_none_or(|tries| error.is_retryable() && failures < tries) {
            let named = self.named_by.iter().filter(|(_, routes)| routes.contains(&route));
            state.before.extend(named.map(|(target, _)| target.clone()));
            state.synced = false;
            self.watch(route, pause(&error, failures));
        } else {
            state.synced = true;
        }
        let mut changes = if self.routes[route].synced { self.give_up(route, &error) } else { vec![] };
        changes.push(Change::Failed { route, error });
        changes
    }
}
