//! The loop: sightings and due times in, looks at targets out.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use regcred_core::{Error, ErrorKind, Feed, Result, Sighting, Sightings, StoreName, Target};
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep, sleep_until},
};
use tracing::{Instrument, debug, info, info_span, warn};

use crate::{
    Event,
    backoff::pause,
    due::Due,
    engine::{Engine, Pass},
    lane::Lane,
    report::{Outcome, Report, State},
};

/// Wall time is looked at again after so long: a machine that was suspended, or whose clock was set, is late by this at most.
const RECHECK: Duration = Duration::from_mins(5);
/// A target is not looked at again sooner, even if its new credential is due at once: that would be a loop.
const SHORTEST: Duration = Duration::from_secs(1);
/// So many sightings wait for the loop before their source does.
const FEED: usize = 1024;

/// One run of an engine, from the first sighting to the report.
pub(crate) struct Drive {
    engine: Arc<Engine>,
    /// `None`: until told to stop.
    pass: Option<Pass>,
    feed: Feed,
    sightings: Sightings,
    sources: JoinSet<Result<()>>,
    watching: HashMap<Id, usize>,
    routes: Vec<RouteState>,
    /// Which route has a target: the first of those that name it.
    owners: HashMap<Target, usize>,
    lanes: BTreeMap<StoreName, Lane>,
    work: JoinSet<Outcome>,
    running: HashMap<Id, Target>,
    looks: HashMap<Target, u32>,
    /// Renewals, in wall time: they are about dates.
    renewals: Due<SystemTime>,
    /// Retries, in the runtime's time: they are about pauses.
    retries: Due<Instant>,
    report: Report,
}

/// How far a source has come.
#[derive(Default)]
struct RouteState {
    synced: bool,
    named: HashSet<Target>,
    before: HashSet<Target>,
    failures: u32,
}

impl Drive {
    pub(crate) fn new(engine: Arc<Engine>, pass: Option<Pass>) -> Self {
        let (feed, sightings) = Feed::channel(FEED);
        let routes = engine.routes.iter().map(|_| RouteState::default()).collect();
        Self {
            engine,
            pass,
            feed,
            sightings,
            sources: JoinSet::new(),
            watching: HashMap::new(),
            routes,
            owners: HashMap::new(),
            lanes: BTreeMap::new(),
            work: JoinSet::new(),
            running: HashMap::new(),
            looks: HashMap::new(),
            renewals: Due::default(),
            retries: Due::default(),
            report: Report::default(),
        }
    }

    /// Until everything was looked at, or `stop`.
    pub(crate) async fn complete(mut self, stop: impl Future<Output = ()>) -> Report {
        let started = Instant::now();
        let deadline = self.pass.map(|pass| started + pass.deadline);
        let mut stop = pin!(stop);
        for route in 0..self.routes.len() {
            self.watch(route, Duration::ZERO);
        }
        loop {
            self.start_looks();
            if self.pass.is_some() && self.is_done() {
                break;
            }
            let wake = self.wake();
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = sleep_until(deadline.unwrap_or(wake)), if deadline.is_some() => break self.out_of_time(),
                Some(joined) = self.work.join_next_with_id() => self.finish_look(joined),
                Some((route, sighting)) = self.sightings.next() => self.see(route, sighting),
                Some(ended) = self.sources.join_next_with_id() => self.source_ended(ended),
                () = sleep_until(wake) => {}
            }
            self.queue_what_is_due();
        }
        while let Some(joined) = self.work.join_next_with_id().await {
            self.finish_look(joined);
        }
        if self.pass.is_some() {
            self.summarise(started.elapsed());
        }
        self.report
    }

    fn watch(&mut self, route: usize, after: Duration) {
        let (source, feed) = (self.engine.routes[route].source.clone(), self.feed.for_route(route));
        let watch = async move {
            sleep(after).await;
            source.watch(feed.clone()).await?;
            feed.send(Sighting::Synced).await; // a source that ends has named everything, whether it said so or not
            Ok(())
        };
        self.watching.insert(self.sources.spawn(watch).id(), route);
    }

    fn start_looks(&mut self) {
        let once = self.pass.is_some();
        for lane in self.lanes.values_mut() {
            if let Some((waiting, error)) = once.then(|| lane.give_up()).flatten() {
                let targets = waiting.into_iter().map(|target| (target, Outcome::failed(error.clone())));
                self.report.targets.extend(targets);
            }
            while let Some(target) = lane.start(self.engine.workers) {
                let route = self.owners[&target];
                let (engine, key) = (self.engine.clone(), target.clone());
                let force = self.pass.is_some_and(|pass| pass.force);
                let span = info_span!("look", store = %key.store, namespace = %key.namespace, name = %key.name);
                let look = async move {
                    let route = &engine.routes[route];
                    engine.clone().reconcile(route, &key, force).await
                };
                self.running.insert(self.work.spawn(look.instrument(span)).id(), target);
            }
        }
    }

    fn is_done(&self) -> bool {
        self.routes.iter().all(|route| route.synced)
            && self.sightings.is_empty()
            && self.retries.next().is_none()
            && self.work.is_empty()
            && self.lanes.values().all(Lane::is_idle)
    }

    /// When something may have to be done that no sighting and no ended look announces.
    fn wake(&self) -> Instant {
        let now = Instant::now();
        let renewal = self.renewals.next().filter(|_| self.pass.is_none());
        let renewal = renewal.map(|at| now + at.duration_since(self.engine.context.clock.now()).unwrap_or_default());
        let lanes = self.lanes.values().filter_map(Lane::pause).map(|pause| now + pause);
        lanes.chain(renewal).chain(self.retries.next()).min().unwrap_or(now + RECHECK).min(now + RECHECK)
    }

    fn queue_what_is_due(&mut self) {
        let now = Instant::now();
        while let Some(target) = self.retries.pop(now) {
            self.queue(&target, false);
        }
        if self.pass.is_none() {
            let now = self.engine.context.clock.now();
            while let Some(target) = self.renewals.pop(now) {
                self.queue(&target, false);
            }
        }
    }

    fn queue(&mut self, target: &Target, urgent: bool) {
        self.lanes.entry(target.store.clone()).or_default().add(target, urgent);
    }

    /// While a source names everything nothing is urgent; what appears or is touched afterwards overtakes the rest.
    fn see(&mut self, route: usize, sighting: Sighting) {
        match sighting {
            Sighting::Present(target) => {
                let owner = self.owners.entry(target.clone()).or_insert(route);
                *owner = route.min(*owner);
                let is_owner = *owner == route;
                let state = &mut self.routes[route];
                let (is_new, urgent) = (state.named.insert(target.clone()), state.synced);
                if is_owner {
                    self.queue(&target, urgent);
                } else if is_new {
                    warn!(%target, route, "an earlier entry of the config has this address");
                }
            }
            Sighting::Gone(target) => self.forget(route, &target),
            Sighting::Synced => {
                let state = &mut self.routes[route];
                state.synced = true;
                let gone = state.before.difference(&state.named).cloned().collect::<Vec<_>>();
                state.before.clear();
                for target in gone {
                    self.forget(route, &target);
                }
                self.report.sources.remove(&route);
            }
        }
    }

    fn forget(&mut self, route: usize, target: &Target) {
        self.routes[route].named.remove(target);
        if self.owners.get(target) != Some(&route) {
            return;
        }
        self.owners.remove(target);
        self.looks.remove(target);
        self.renewals.set(target, None);
        self.retries.set(target, None);
        self.report.targets.remove(target);
        if let Some(lane) = self.lanes.get_mut(&target.store) {
            lane.forget(target);
        }
    }

    fn source_ended(&mut self, ended: Result<(Id, Result<()>), JoinError>) {
        let (id, result) =
            ended.unwrap_or_else(|panic| (panic.id(), Err(Error::new(ErrorKind::Bug, "a source of targets panicked"))));
        let route = self.watching.remove(&id).expect("every watch was entered when it began");
        let Err(error) = result else { return };
        let state = &mut self.routes[route];
        state.failures += 1;
        let (failures, pause) = (state.failures, pause(&error, state.failures));
        warn!(route, failures, kind = %error.kind(), error = error.chain(), "a source of targets failed");
        self.engine.context.emit(&Event::SourceFailed { route, error: &error });
        if self.pass.is_none_or(|pass| error.is_retryable() && failures < pass.looks) {
            state.before.extend(state.named.drain());
            state.synced = false;
            self.watch(route, pause);
        } else {
            state.synced = true;
        }
        self.report.sources.insert(route, error);
    }

    fn finish_look(&mut self, joined: Result<(Id, Outcome), JoinError>) {
        let (id, outcome) = joined.unwrap_or_else(|panic| {
            (panic.id(), Outcome::failed(Error::new(ErrorKind::Bug, "a provider or sink panicked")))
        });
        let target = self.running.remove(&id).expect("every look was entered when it began");
        let own = outcome.failures.iter().find(|failure| failure.provider.is_none()).map(|failure| &failure.error);
        self.lanes.get_mut(&target.store).expect("a lane outlives its looks").finish(&target, own);
        if !self.owners.contains_key(&target) {
            return; // it went while it was looked at
        }
        let looks = self.looks.entry(target.clone()).or_default();
        *looks += 1;
        let worst = outcome.failures.iter().map(|failure| pause(&failure.error, *looks)).min();
        let again = match self.pass {
            Some(pass) => worst.filter(|_| outcome.is_retryable() && *looks < pass.looks),
            None => worst,
        };
        if outcome.state() == State::Failed {
            for reason in outcome.reasons() {
                if *looks == 1 { warn!(%target, reason, "failed") } else { debug!(%target, reason, "failed again") }
            }
        } else {
            *looks = 0;
        }
        self.retries.set(&target, again.map(|pause| Instant::now() + pause));
        let soonest = self.engine.context.clock.now() + SHORTEST;
        self.renewals.set(&target, outcome.renew_at.filter(|_| again.is_none()).map(|at| at.max(soonest)));
        self.engine.context.emit(&Event::Looked { target: &target, outcome: &outcome });
        self.report.targets.insert(target, outcome);
    }

    /// The pass has taken too long: what is under way is dropped, what was not reached is said so.
    fn out_of_time(&mut self) {
        self.work.abort_all();
        self.running.clear();
        self.work = JoinSet::new();
        let error = Error::new(ErrorKind::Unreachable, "the pass ran out of time before this target was done");
        for target in self.owners.keys() {
            self.report.targets.entry(target.clone()).or_insert_with(|| Outcome::failed(error.clone()));
        }
        for (route, state) in self.routes.iter().enumerate() {
            if !state.synced {
                let error =
                    Error::new(ErrorKind::Unreachable, "the pass ran out of time before all targets were found");
                self.report.sources.entry(route).or_insert(error);
            }
        }
    }

    fn summarise(&self, took: Duration) {
        let count = |state| self.report.count(state);
        let (fresh, waiting, gone) = (count(State::Fresh), count(State::Waiting), count(State::Gone));
        let (refused, failed) = (count(State::Refused), count(State::Failed));
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        info!(targets = self.report.targets.len(), fresh, waiting, gone, refused, failed, milliseconds, "pass ended");
    }
}
