//! The loop: sightings and due times in, looks at targets out.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    error::Error as _,
    mem,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use regcred_core::{Error, ErrorKind, Result, StoreName, Target};
use tokio::{
    sync::watch,
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep_until, timeout},
};
use tracing::{Instrument, debug, info, info_span, warn};

use crate::{
    Event, Pass,
    backoff::{pause, pause_at_store},
    due::Due,
    lane::{Lane, Load},
    reconcile::{Before, Force},
    report::{Failure, Held, Outcome, Report, State},
    shared::{Known, Shared},
    sources::{Change, Sources},
};

/// Wall time is looked at again after so long: a machine that was suspended, or whose clock was set, is late by this at most.
const RECHECK: Duration = Duration::from_mins(5);
/// A target that was due again as soon as it was written is not looked at sooner: that would be a loop.
const REST: Duration = Duration::from_mins(1);
/// So long writes that are under way may take after a stop: less than the half minute that Kubernetes grants a pod.
const GRACE: Duration = Duration::from_secs(20);
/// Between two targets that fall due, however often a store asks for a pause; and how long it has to be content.
const SLOWEST: Duration = Duration::from_secs(1);
const PEACE: Duration = Duration::from_mins(1);
/// So many failures of one pass are told one by one. A daemon tells each.
const TOLD: usize = 50;
/// More than there are sets of providers that are refreshed at a time.
const SHARED: usize = 32;
/// Longer than anybody means: a deadline beyond it is one of this length.
const FOREVER: Duration = Duration::from_hours(24 * 365);

/// A look that is under way.
struct Running {
    target: Target,
    began: Instant,
    /// It writes what is fresh too.
    force: bool,
}

/// One run of an engine, from the first sighting to the report.
pub(crate) struct Drive {
    shared: Arc<Shared>,
    /// `None`: until told to stop.
    pass: Option<Pass>,
    /// Whether it was told that all sources have named their targets.
    has_synced: bool,
    /// Only says what it would do.
    dry: bool,
    refreshes: watch::Receiver<()>,
    /// What is to be written though it is fresh, and whether it was once, but for a provider that failed.
    forced: HashMap<Target, bool>,
    deadline: Instant,
    sources: Sources,
    lanes: BTreeMap<StoreName, Lane>,
    work: JoinSet<Option<Outcome>>,
    running: HashMap<Id, Running>,
    stopping: Arc<AtomicBool>,
    /// Failed looks in a row.
    failures: HashMap<Target, u32>,
    /// Renewals, in wall time: they are about dates.
    renewals: Due<SystemTime>,
    /// Retries, in the runtime's time: they are about pauses.
    retries: Due<Instant>,
    /// When the next one that falls due may be looked at, and how long the one after it waits.
    next_due: Instant,
    spread: Option<Duration>,
    throttled: Option<Instant>,
    last_seen: SystemTime,
    /// How many failures.
    told: usize,
    told_load: BTreeMap<StoreName, Load>,
    /// What was found or written lately.
    recent: VecDeque<Arc<Held>>,
    report: Report,
}

impl Drive {
    pub(crate) fn new(shared: Arc<Shared>, pass: Option<Pass>, dry: bool) -> Self {
        let sources = Sources::start(&shared.routes, pass.map(|pass| pass.looks));
        *shared.known() = Known::default();
        Self {
            has_synced: false,
            refreshes: shared.refreshes.subscribe(),
            last_seen: shared.reconciler.context.clock.now(),
            next_due: Instant::now(),
            spread: shared.spread.filter(|_| pass.is_none()),
            throttled: None,
            deadline: Instant::now() + pass.map_or(FOREVER, |pass| pass.deadline.min(FOREVER)),
            shared,
            pass,
            dry,
            forced: HashMap::new(),
            sources,
            lanes: BTreeMap::new(),
            work: JoinSet::new(),
            running: HashMap::new(),
            stopping: Arc::default(),
            failures: HashMap::new(),
            renewals: Due::default(),
            retries: Due::default(),
            told: 0,
            told_load: BTreeMap::new(),
            recent: VecDeque::new(),
            report: Report::default(),
        }
    }

    /// Until everything was looked at, or `stop`.
    pub(crate) async fn complete(mut self, stop: impl Future<Output = ()>) -> Report {
        let (started, mut stop) = (Instant::now(), pin!(stop));
        loop {
            self.start_looks();
            self.tell_load();
            if self.pass.is_some() && self.is_done() {
                break;
            }
            let wake = self.wake();
            tokio::select! {
                biased;
                () = &mut stop => break self.finish_writes().await,
                () = sleep_until(self.deadline), if self.pass.is_some() => break self.out_of_time(),
                Some(joined) = self.work.join_next_with_id() => self.finish_look(joined),
                changes = self.sources.next() => {
                    for change in changes {
                        self.follow(change);
                    }
                    self.shared.known().is_complete = self.sources.are_synced() && self.report.sources.is_empty();
                    if self.sources.are_synced() && !mem::replace(&mut self.has_synced, true) {
                        let targets = self.sources.targets().count();
                        self.shared.reconciler.context.emit(&Event::Synced { targets });
                    }
                }
                Ok(()) = self.refreshes.changed(), if self.pass.is_none() => self.refresh(),
                () = sleep_until(wake) => {}
            }
            self.queue_what_is_due();
        }
        if self.pass.is_some() {
            self.summarise(started.elapsed());
        }
        *self.shared.known() = Known::default();
        self.report
    }

    fn start_looks(&mut self) {
        if self.pass.is_some() {
            self.give_up_stores();
        }
        for lane in self.lanes.values_mut() {
            while let Some(target) = lane.start(self.shared.workers) {
                let route = self.sources.owner(&target).expect("what is gone was taken out of its lane");
                let (shared, stopping, key) = (self.shared.clone(), self.stopping.clone(), target.clone());
                let force = match self.forced.get(&target) {
                    Some(true) => Force::Again,
                    None if !self.pass.is_some_and(|pass| pass.force) => Force::No,
                    Some(false) | None => Force::Yes,
                };
                let last = self.report.targets.get(&target).filter(|outcome| outcome.failures.is_empty());
                let held = last.map(|outcome| outcome.held.as_ref().unwrap_or(&outcome.validity).clone());
                let compare_issuers = self.pass.is_none_or(|pass| pass.compare_issuers);
                let before = Before { force, dry: self.dry, compare_issuers, held };
                let span = info_span!("look", store = %key.store, namespace = %key.namespace, name = %key.name);
                let look = async move {
                    let route = &shared.routes[route];
                    shared.reconciler.clone().reconcile(route, &key, before, &stopping).await
                };
                let running = Running { target, began: Instant::now(), force: force != Force::No };
                self.running.insert(self.work.spawn(look.instrument(span)).id(), running);
            }
        }
    }

    /// Tells how much there is to do, where that has changed.
    fn tell_load(&mut self) {
        for (store, lane) in &mut self.lanes {
            let load = lane.load();
            if self.told_load.get(store) != Some(&load) {
                let Load { depth, since } = load;
                self.shared.reconciler.context.emit(&Event::Queue { store, depth, since });
                self.told_load.insert(store.clone(), load);
            }
        }
    }

    /// In one pass, a store that has failed too often in a row is not waited for.
    fn give_up_stores(&mut self) {
        let deadline = self.deadline;
        let hopeless = self.lanes.iter_mut().filter_map(|(store, lane)| Some((store.clone(), lane.give_up(deadline)?)));
        for (store, (waiting, error)) in hopeless.collect::<Vec<_>>() {
            let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            let error =
                Error::new(error.kind(), "not looked at, because its store failed for others").with_cause(cause);
            for target in waiting {
                // The report keeps the failure of the target itself.
                let has_failed = self.report.targets.get(&target).is_some_and(|it| !it.failures.is_empty());
                if !has_failed {
                    self.conclude(target, Outcome::failed(error.clone()), Duration::ZERO);
                }
            }
            for target in self.sources.targets().filter(|target| target.store == store) {
                self.retries.set(target, None);
            }
        }
    }

    fn is_done(&self) -> bool {
        self.sources.are_synced()
            && self.retries.next().is_none()
            && self.work.is_empty()
            && self.lanes.values().all(Lane::is_idle)
    }

    /// When something may have to be done that no sighting and no ended look announces.
    fn wake(&self) -> Instant {
        let now = Instant::now();
        let renewal = self.renewals.next().filter(|_| self.pass.is_none());
        let renewal =
            renewal.map(|at| now + at.duration_since(self.shared.reconciler.context.clock.now()).unwrap_or_default());
        let renewal = renewal.map(|at| at.max(self.next_due));
        let lanes = self.lanes.values().filter_map(Lane::pause).map(|pause| now + pause);
        lanes.chain(renewal).chain(self.retries.next()).min().unwrap_or(now + RECHECK).min(now + RECHECK)
    }

    fn queue_what_is_due(&mut self) {
        while let Some(target) = self.retries.pop(Instant::now()) {
            self.queue(&target, false);
        }
        let now = self.shared.reconciler.context.clock.now();
        if self.pass.is_none() {
            while self.next_due <= Instant::now() {
                let Some(target) = self.renewals.pop(now) else { break };
                self.queue(&target, false);
                if let Some(spread) = self.spread {
                    self.next_due = Instant::now() + spread;
                }
            }
            // The clock jumped back: what was issued now lies in the future, and only a look can tell.
            if now + RECHECK < self.last_seen {
                warn!("the wall clock was set back: looking at everything again");
                for target in self.sources.sorted() {
                    self.queue(&target, false);
                }
            }
        }
        self.last_seen = now;
    }

    /// Everything is to be written once, spread as what falls due is.
    fn refresh(&mut self) {
        let now = self.shared.reconciler.context.clock.now();
        for target in self.sources.targets() {
            self.renewals.set(target, Some(now));
            self.forced.insert(target.clone(), false);
        }
    }

    fn queue(&mut self, target: &Target, urgent: bool) {
        self.lanes.entry(target.store.clone()).or_default().add(target, urgent);
    }

    fn follow(&mut self, change: Change) {
        match change {
            Change::Present { target, urgent, taken_over } => {
                self.shared.known().targets.insert(target.clone());
                if taken_over {
                    self.report.targets.remove(&target);
                }
                // One pass looks at what was concluded no more, though a source that failed names it again.
                if self.pass.is_none() || !self.report.targets.contains_key(&target) {
                    self.queue(&target, urgent);
                }
            }
            Change::Gone(target) => {
                self.shared.known().targets.remove(&target);
                self.shared.reconciler.context.emit(&Event::Forgotten { target: &target });
                self.failures.remove(&target);
                self.forced.remove(&target);
                self.renewals.set(&target, None);
                self.retries.set(&target, None);
                self.report.targets.remove(&target);
                if let Some(lane) = self.lanes.get_mut(&target.store) {
                    lane.forget(&target);
                }
            }
            Change::Failed { route, error } => {
                self.shared.reconciler.context.emit(&Event::SourceFailed { route, error: &error });
                self.report.sources.insert(route, error);
            }
            Change::Unknown { route, target, error } => self.pass_over(route, target, error),
            Change::Synced { route } => drop(self.report.sources.remove(&route)),
        }
    }

    fn finish_look(&mut self, joined: Result<(Id, Option<Outcome>), JoinError>) {
        let (id, outcome) = joined.unwrap_or_else(|panic| {
            (panic.id(), Some(Outcome::failed(Error::new(ErrorKind::Bug, "a provider or sink panicked"))))
        });
        let Running { target, began, force } = self.running.remove(&id).expect("every look was entered when it began");
        let lane = self.lanes.get_mut(&target.store).expect("a lane outlives its looks");
        let answer = outcome.as_ref().map_or(Some(Ok(())), Outcome::store_answer);
        lane.finish(&target, answer);
        let is_throttled = matches!(answer, Some(Err(error)) if error.kind() == ErrorKind::Throttled);
        self.pace(is_throttled);
        if let Some(outcome) = outcome.filter(|_| self.sources.owner(&target).is_some()) {
            if force {
                self.was_forced(&target, &outcome);
            }
            self.conclude(target, outcome, began.elapsed());
        }
    }

    /// What a provider could not give goes on being asked for; whatever else failed is tried again without force.
    fn was_forced(&mut self, target: &Target, outcome: &Outcome) {
        let is_missing = outcome.failures.iter().any(|failure| failure.provider.is_some());
        match self.forced.get_mut(target) {
            Some(once) if is_missing => *once |= outcome.written.is_some(),
            Some(_) if outcome.written.is_some() || outcome.failures.is_empty() => drop(self.forced.remove(target)),
            _ => {}
        }
    }

    /// A store that asks for a pause is given half as much to do; a minute without such a wish, and it has all of it again.
    fn pace(&mut self, is_throttled: bool) {
        if is_throttled {
            self.throttled = Some(Instant::now());
            self.spread = self.spread.map(|spread| (spread * 2).min(SLOWEST));
        } else if self.throttled.is_some_and(|at| at.elapsed() >= PEACE) {
            self.throttled = None;
            self.spread = self.shared.spread.filter(|_| self.pass.is_none());
        }
    }

    /// A target that is not looked at, however often.
    fn pass_over(&mut self, route: usize, target: Target, error: Error) {
        let outcome = Outcome { route, ..Outcome::failed(error) };
        log(&target, &outcome, 0, self.have_told_enough(&outcome));
        self.shared.reconciler.context.emit(&Event::Looked {
            target: &target,
            outcome: &outcome,
            took: Duration::ZERO,
        });
        self.report.targets.insert(target, outcome);
    }

    /// The one place where a look becomes the latest word on its target.
    fn conclude(&mut self, target: Target, outcome: Outcome, took: Duration) {
        let route = self.sources.owner(&target).unwrap_or_default();
        let outcome = Outcome { route, validity: self.share(outcome.validity.clone()), ..outcome };
        let before = self.failures.remove(&target).unwrap_or_default();
        let failures = if outcome.failures.is_empty() { 0 } else { before + 1 };
        log(&target, &outcome, before, self.have_told_enough(&outcome));
        let now = Instant::now();
        let again = outcome.failures.iter().map(|Failure { provider, error }| match provider {
            Some(_) => pause(error, failures),
            None => pause_at_store(error, failures),
        });
        let again = again.min();
        let again = again.filter(|_| self.pass.is_none_or(|pass| outcome.is_retryable() && failures < pass.looks));
        let again = again.map(|pause| now + pause).filter(|at| self.pass.is_none() || *at < self.deadline);
        let contest = outcome.look_again.filter(|_| self.pass.is_none()).map(|rest| now + rest);
        self.retries.set(&target, again.into_iter().chain(contest).min());
        let wall = self.shared.reconciler.context.clock.now();
        let renewal = outcome.renew_at.map(|at| if at <= wall { wall + REST } else { at });
        let renewal = if self.forced.contains_key(&target) { Some(wall) } else { renewal };
        self.renewals.set(&target, renewal.filter(|_| again.is_none()));
        if failures > 0 {
            self.failures.insert(target.clone(), failures);
        }
        self.shared.reconciler.context.emit(&Event::Looked { target: &target, outcome: &outcome, took });
        self.report.targets.insert(target, outcome);
    }

    /// Keeps one of those that are equal: what was refreshed together holds the same.
    fn share(&mut self, held: Arc<Held>) -> Arc<Held> {
        if let Some(known) = self.recent.iter().find(|known| **known == held) {
            return known.clone();
        }
        self.recent.truncate(SHARED - 1);
        self.recent.push_front(held.clone());
        held
    }

    /// Whether so many have failed that another line tells nobody anything: the report has them all.
    fn have_told_enough(&mut self, outcome: &Outcome) -> bool {
        let failed = outcome.state() == State::Failed;
        // The command reports that once for the store.
        if self.pass.is_some() && outcome.failures.iter().any(|it| it.error.kind() == ErrorKind::Unauthenticated) {
            return true;
        }
        self.told += usize::from(failed);
        if self.pass.is_some() && self.told == TOLD + 1 && failed {
            warn!("more fail, and are told in the report and at level debug alone");
        }
        self.pass.is_some() && self.told > TOLD
    }

    /// Lets what is being written be written, and nothing else.
    async fn finish_writes(&mut self) {
        self.stopping.store(true, Relaxed);
        let end = Instant::now() + GRACE;
        while let Ok(Some(joined)) = timeout(end.duration_since(Instant::now()), self.work.join_next_with_id()).await {
            self.finish_look(joined);
        }
    }

    /// The pass has taken too long: what is under way is dropped, what was not reached is said so.
    fn out_of_time(&mut self) {
        self.work = JoinSet::new(); // dropping the old one ends its tasks
        let late = |what| Error::new(ErrorKind::Unreachable, format!("the pass ran out of time before {what}"));
        let missed = self.sources.targets().filter(|target| !self.report.targets.contains_key(*target));
        for target in missed.cloned().collect::<Vec<_>>() {
            self.conclude(target, Outcome::failed(late("this target was done")), Duration::ZERO);
        }
        let held = self.sources.held().map(|(route, target)| (route, target.clone())).collect::<Vec<_>>();
        for (route, target) in held {
            self.pass_over(route, target, late("it was known whose target this is"));
        }
        for route in self.sources.unsynced() {
            self.report.sources.entry(route).or_insert_with(|| late("all targets were found"));
        }
    }

    fn summarise(&self, took: Duration) {
        let count = |state| self.report.count(state);
        let (fresh, waiting, gone) = (count(State::Fresh), count(State::Waiting), count(State::Gone));
        let (refused, contested, failed) = (count(State::Refused), count(State::Contested), count(State::Failed));
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if self.dry {
            info!(targets = self.report.targets.len(), failed, milliseconds, "looked at every target");
            return;
        }
        info!(
            targets = self.report.targets.len(),
            fresh, waiting, gone, refused, contested, failed, milliseconds, "pass ended"
        );
    }
}

/// The first failure and the recovery are worth a line, what lies between is not. `is_told`: enough others were told.
fn log(target: &Target, outcome: &Outcome, failures_before: u32, is_told: bool) {
    let failed = outcome.state() == State::Failed;
    for reason in outcome.reasons().into_iter().filter(|_| failed) {
        match (failures_before, is_told) {
            (0, false) => warn!(%target, reason, "failed"),
            (0, true) => debug!(%target, reason, "failed"),
            _ => debug!(%target, reason, "failed again"),
        }
    }
    if outcome.failures.is_empty() && failures_before > 0 {
        warn!(%target, after_failures = failures_before, "works again");
    }
}
