//! The run loop: receives events and timers, and starts reconciliations.

use std::{error::Error as _, mem, pin::pin, sync::Arc, time::Duration};

use regcred_core::{Error, ErrorKind, ProviderName, Target};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};
use tracing::warn;

use crate::{
    Context, Event, Pass, codes,
    forced::Forced,
    provider_changes::ProviderChanges,
    reconcile::{Before, Force, unreconciled},
    recorder::Recorder,
    report::{Failure, Outcome, Report},
    shared::{Known, Shared},
    sources::{Change, Sources},
    workers::{Finished, Workers},
    workqueue::{
        Load, RECHECK, Timers, WorkQueues,
        backoff::{pause, pause_at_store},
    },
};

/// The shortest time until the next refresh of a target that is due again as soon as it is written. It prevents a tight
/// loop.
const REST: Duration = Duration::from_mins(1);
/// The time for writes in progress after a stop. Kubernetes gives a pod half a minute.
const GRACE: Duration = Duration::from_secs(20);
/// The longest deadline of a pass.
const FOREVER: Duration = Duration::from_hours(24 * 365);

/// One run of an engine, from the first event to the report.
pub(crate) struct RunLoop {
    shared: Arc<Shared>,
    /// `None`: the run lasts until it is stopped.
    pass: Option<Pass>,
    /// Whether the run writes nothing.
    dry: bool,
    deadline: Instant,
    refreshes: watch::Receiver<()>,
    provider_changes: ProviderChanges,
    /// Whether [`Event::Synced`] was emitted.
    has_synced: bool,
    sources: Sources,
    queues: WorkQueues,
    timers: Timers,
    forced: Forced,
    workers: Workers,
    recorder: Recorder,
}

impl RunLoop {
    pub(crate) fn new(shared: Arc<Shared>, pass: Option<Pass>, dry: bool) -> Self {
        let sources = Sources::start(&shared.routes, pass.map(|pass| pass.attempts));
        *shared.known() = Known::default();
        let (context, minters) = (shared.reconciler.context.clone(), &shared.reconciler.minters);
        let wall = context.clock.now();
        Self {
            pass,
            dry,
            deadline: Instant::now() + pass.map_or(FOREVER, |pass| pass.deadline.min(FOREVER)),
            refreshes: shared.refreshes.subscribe(),
            provider_changes: ProviderChanges::watch(pass.is_none().then(|| minters.values()).into_iter().flatten()),
            has_synced: false,
            sources,
            queues: WorkQueues::default(),
            timers: if pass.is_some() { Timers::of_pass(wall) } else { Timers::of_run(wall, shared.spread) },
            forced: Forced::default(),
            workers: Workers::default(),
            recorder: Recorder::new(context, pass.is_some()),
            shared,
        }
    }

    /// Runs until every target of a pass is done, or until `stop`.
    pub(crate) async fn complete(mut self, stop: impl Future<Output = ()>) -> Report {
        let (started, mut stop) = (Instant::now(), pin!(stop));
        loop {
            self.start_workers();
            self.report_loads();
            if self.pass.is_some() && self.is_done() {
                break;
            }
            let wake = self.wake();
            tokio::select! {
                biased;
                () = &mut stop => break self.finish_writes().await,
                () = sleep_until(self.deadline), if self.pass.is_some() => break self.out_of_time(),
                Some(finished) = self.workers.next() => self.finish(finished),
                changes = self.sources.next() => self.follow(changes),
                Ok(()) = self.refreshes.changed(), if self.pass.is_none() => self.refresh(|_| true),
                changed = self.provider_changes.next() => self.refresh(|it| it.iter().any(|it| changed.contains(it))),
                () = sleep_until(wake) => {}
            }
            self.queue_what_is_due();
        }
        if self.pass.is_some() {
            self.recorder.summarise(self.dry, started.elapsed());
        }
        *self.shared.known() = Known::default();
        self.recorder.into_report()
    }

    fn context(&self) -> &Context {
        &self.shared.reconciler.context
    }

    fn start_workers(&mut self) {
        if self.pass.is_some() {
            self.give_up_stores();
        }
        for target in self.queues.start(self.shared.workers) {
            let route = self.sources.owner(&target).expect("what is gone was taken out of its queue");
            let unasked = if self.pass.is_some_and(|pass| pass.force) { Force::Yes } else { Force::No };
            let last = self.recorder.report().targets.get(&target).filter(|outcome| outcome.failures.is_empty());
            let before = Before {
                force: self.forced.of(&target).unwrap_or(unasked),
                dry: self.dry,
                compare_issuers: self.pass.is_none_or(|pass| pass.compare_issuers),
                held: last.map(|outcome| outcome.held.as_ref().unwrap_or(&outcome.validity).clone()),
            };
            self.workers.start(self.shared.clone(), route, target, before);
        }
    }

    /// Emits the load of each store whose load has changed.
    fn report_loads(&mut self) {
        let context = &self.shared.reconciler.context;
        self.queues.report_loads(|store, Load { depth, since }| {
            context.emit(&Event::Queue { store, depth, oldest: since.map(|since| since.elapsed()) });
        });
    }

    /// In a pass, gives up each store that has failed too often in a row.
    fn give_up_stores(&mut self) {
        for (store, waiting, error) in self.queues.give_up(self.deadline) {
            let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            let error = unreconciled(error.code(), &format!("its sink failed for other targets: {cause}"));
            for target in waiting {
                // Keeps the target's own failure in the report.
                let known = self.recorder.report().targets.get(&target);
                if known.is_none_or(|it| it.failures.is_empty()) {
                    self.conclude(target, Outcome::failed(error.clone()), Duration::ZERO);
                }
            }
            for target in self.sources.targets().filter(|target| target.store == store) {
                self.timers.set_retry(target, None);
            }
        }
    }

    fn is_done(&self) -> bool {
        self.sources.are_synced() && !self.timers.has_retry() && self.workers.are_idle() && self.queues.are_idle()
    }

    /// Returns when the loop must wake up if no event arrives and no reconciliation ends.
    fn wake(&self) -> Instant {
        let now = Instant::now();
        let pause = self.queues.pause().map(|pause| now + pause);
        let timer = self.timers.next(self.context().clock.now());
        pause.into_iter().chain(timer).fold(now + RECHECK, Instant::min)
    }

    fn queue_what_is_due(&mut self) {
        let wall = self.context().clock.now();
        while let Some(target) = self.timers.pop(wall) {
            self.queues.add(&target, false);
        }
        if self.timers.was_set_back(wall) {
            warn!(reason = "the wall clock was set back", "queued all targets");
            for target in self.sources.sorted() {
                self.queues.add(&target, false);
            }
        }
    }

    /// Makes the run write each target of the routes with these providers once, at the pace of due targets.
    fn refresh(&mut self, is_meant: impl Fn(&[ProviderName]) -> bool) {
        let wall = self.context().clock.now();
        let routes = self.shared.routes.iter().map(|route| is_meant(&route.providers)).collect::<Vec<_>>();
        let is_meant = |target: &&Target| self.sources.owner(target).is_some_and(|route| routes[route]);
        for target in self.sources.targets().filter(is_meant) {
            self.timers.set_renewal(target, Some(wall));
            self.forced.ask(target);
        }
    }

    fn follow(&mut self, changes: Vec<Change>) {
        for change in changes {
            self.follow_one(change);
        }
        let are_synced = self.sources.are_synced();
        self.shared.known().is_complete = are_synced && self.recorder.report().sources.is_empty();
        if are_synced && !mem::replace(&mut self.has_synced, true) {
            self.context().emit(&Event::Synced { targets: self.sources.targets().count() });
        }
    }

    fn follow_one(&mut self, change: Change) {
        match change {
            Change::Present { target, urgent, taken_over } => {
                self.shared.known().targets.insert(target.clone());
                if taken_over {
                    self.recorder.taken_over(&target);
                }
                // A pass does not repeat a target with an outcome, even if a failed source sends it again.
                if self.pass.is_none() || !self.recorder.report().targets.contains_key(&target) {
                    self.queues.add(&target, urgent);
                }
            }
            Change::Gone(target) => {
                self.shared.known().targets.remove(&target);
                self.recorder.forget(&target);
                self.forced.forget(&target);
                self.timers.forget(&target);
                self.queues.forget(&target);
            }
            Change::Failed { route, error } => self.recorder.source_failed(route, error),
            Change::Unknown { route, target, error } => self.recorder.passed_over(route, target, error),
            Change::Synced { route } => self.recorder.source_synced(route),
        }
    }

    fn finish(&mut self, finished: Finished) {
        let Finished { target, took, is_forced, outcome } = finished;
        let answer = outcome.as_ref().map_or(Some(Ok(())), Outcome::store_answer);
        self.queues.finish(&target, answer);
        self.timers.note(matches!(answer, Some(Err(error)) if error.kind() == ErrorKind::Throttled));
        if let Some(outcome) = outcome.filter(|_| self.sources.owner(&target).is_some()) {
            if is_forced {
                self.forced.note(&target, &outcome);
            }
            self.conclude(target, outcome, took);
        }
    }

    fn conclude(&mut self, target: Target, outcome: Outcome, took: Duration) {
        let outcome = Outcome { route: self.sources.owner(&target).unwrap_or_default(), ..outcome };
        self.requeue(&target, &outcome);
        self.recorder.reconciled(target, outcome, took);
    }

    /// Sets when a target is reconciled again: after the pause for its failures, otherwise when it is due.
    fn requeue(&mut self, target: &Target, outcome: &Outcome) {
        let (now, wall) = (Instant::now(), self.context().clock.now());
        let failures = self.recorder.failures(target, outcome);
        let pauses = outcome.failures.iter().map(|Failure { provider, error }| match provider {
            Some(_) => pause(error, failures),
            None => pause_at_store(error, failures),
        });
        let again = pauses.min();
        let again = again.filter(|_| self.pass.is_none_or(|pass| outcome.is_retryable() && failures < pass.attempts));
        let again = again.map(|pause| now + pause).filter(|at| self.pass.is_none() || *at < self.deadline);
        let contest = outcome.look_again.filter(|_| self.pass.is_none()).map(|rest| now + rest);
        self.timers.set_retry(target, again.into_iter().chain(contest).min());
        let renewal = outcome.renew_at.map(|at| if at <= wall { wall + REST } else { at });
        let renewal = if self.forced.has(target) { Some(wall) } else { renewal };
        self.timers.set_renewal(target, renewal.filter(|_| again.is_none()));
    }

    /// Waits for writes in progress. Other reconciliations end without a write.
    async fn finish_writes(&mut self) {
        self.workers.stop();
        let end = Instant::now() + GRACE;
        while let Ok(Some(finished)) = timeout(end.duration_since(Instant::now()), self.workers.next()).await {
            self.finish(finished);
        }
    }

    /// Ends a pass at its deadline: drops the reconciliations in progress, and reports each target that is not done.
    fn out_of_time(&mut self) {
        self.workers.abort();
        let late = |step| Error::new(&codes::PASS_TIMEOUT, step).with_cause("the pass ran out of time");
        let known = &self.recorder.report().targets;
        let missed = self.sources.targets().filter(|target| !known.contains_key(*target));
        for target in missed.cloned().collect::<Vec<_>>() {
            self.conclude(target, Outcome::failed(late("cannot reconcile the target")), Duration::ZERO);
        }
        for (route, target) in self.sources.held() {
            self.recorder.passed_over(route, target.clone(), late("cannot find the entry of the target"));
        }
        for route in self.sources.unsynced() {
            self.recorder.source_late(route, late("cannot find all targets"));
        }
    }
}
