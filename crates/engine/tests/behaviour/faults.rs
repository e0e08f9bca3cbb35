//! Failures, and the targets that they affect.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use regcred_core::{
    Applied, Clock, CredentialSet, Error, ErrorKind, MockSecretSink, Observed, Result, SecretSink, StoreName, Target,
    TargetEvent, TargetSender, TargetSource,
    testing::{FakeProvider, MemorySink, provider_name, target},
};
use regcred_engine::{Event, Minter, Pass, State, Step};
use tokio::time::{Instant, sleep};

use crate::fakes::{Fakes, HOUR, targets, unreachable};

#[tokio::test(start_paused = true)]
async fn a_dead_provider_is_called_once_per_pause_however_many_targets_wait() {
    let fakes = Fakes::new();
    fakes.provider.fail_with(unreachable());
    let start = Instant::now();
    let report = fakes.engine(1000).once(Pass::default()).await;
    assert_eq!((report.count(State::Failed), report.exit_code()), (1000, 3));
    assert_eq!(fakes.provider.calls(), 3, "three looks, a call each, for all thousand together");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_recovers_within_a_pass_serves_every_target() {
    let fakes = Fakes::new();
    fakes.provider.fail_with(unreachable());
    let recovery = async {
        sleep(Duration::from_millis(500)).await;
        fakes.provider.fail_with(None);
        pending::<()>().await;
    };
    let engine = fakes.engine(100);
    let report = tokio::select! { report = engine.once(Pass::default()) => report, () = recovery => unreachable!() };
    assert_eq!((report.count(State::Fresh), fakes.provider.calls()), (100, 2));
}

/// Counts the calls of `apply`.
#[derive(Debug)]
struct Counting(Arc<MemorySink>, AtomicUsize);

#[async_trait]
impl SecretSink for Counting {
    async fn observe(&self, target: &Target) -> Result<Observed> {
        self.0.observe(target).await
    }

    async fn apply(&self, target: &Target, seen: &Observed, credentials: &CredentialSet) -> Result<Applied> {
        self.1.fetch_add(1, SeqCst);
        self.0.apply(target, seen, credentials).await
    }

    async fn remove(&self, target: &Target) -> Result<()> {
        self.0.remove(target).await
    }
}

#[tokio::test(start_paused = true)]
async fn targets_are_not_rewritten_while_a_provider_is_down() {
    let fakes = Fakes::new();
    let sink = Arc::new(Counting(fakes.sink.clone(), AtomicUsize::new(0)));
    let route = fakes.route(targets(3)).with_sink(sink.clone());
    let day = async {
        sleep(HOUR).await;
        fakes.provider.fail_with(unreachable());
        sleep(10 * HOUR).await;
        assert_eq!(sink.1.load(SeqCst), 3, "each was made, and nothing new could be had");
        fakes.provider.fail_with(None);
        sleep(HOUR / 2).await;
        assert_eq!(sink.1.load(SeqCst), 6);
    };
    let report = fakes.builder().with_route(route).build().expect("it is whole").run(day).await;
    assert_eq!(report.count(State::Fresh), 3);
}

#[tokio::test(start_paused = true)]
async fn a_denied_mint_is_tried_once_per_pass() {
    let fakes = Fakes::new();
    fakes.provider.fail_with(Error::new(ErrorKind::Denied, "not allowed"));
    let start = Instant::now();
    let report = fakes.engine(100).once(Pass::default()).await;
    assert_eq!((report.exit_code(), fakes.provider.calls()), (2, 1));
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_only_its_own_target() {
    let fakes = Fakes::new();
    fakes.sink.panic_at(&target("team-1"));
    let report = fakes.engine(3).once(Pass::default()).await;
    let bad = &report.targets[&target("team-1")];
    assert_eq!((bad.failures[0].error.kind(), report.count(State::Fresh)), (ErrorKind::Bug, 2));
    assert_eq!(report.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_secret_is_refused_and_mints_nothing() {
    let fakes = Fakes::new();
    fakes.sink.plant_foreign(&target("team-0"), "helm");
    let report = fakes.engine(1).once(Pass::default()).await;
    let step = report.targets[&target("team-0")].step.clone();
    assert!(matches!(step, Some(Step::Refuse(refusal)) if refusal.reason() == "foreign"));
    assert_eq!((fakes.provider.calls(), fakes.sink.writes(), report.exit_code()), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_failed_provider_does_not_block_another_provider_of_the_same_secret() {
    let fakes = Fakes::new();
    let broken = Arc::new(FakeProvider::new(fakes.clock.clone(), "public.example"));
    broken.fail_with(Error::new(ErrorKind::Denied, "not allowed"));
    let mut route = fakes.route(targets(1));
    route.providers.push(provider_name("public"));
    let public = Minter::new(provider_name("public"), broken.clone());
    let engine = fakes.builder().with_minter(public).with_route(route).build().expect("it is whole");
    let report = engine.once(Pass::default()).await;
    assert_eq!(report.targets[&target("team-0")].failures[0].provider, Some(provider_name("public")));
    assert_eq!((fakes.sink.stored(&target("team-0")).expect("written").len(), report.exit_code()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_failure_stays_with_its_target_and_has_its_own_state() {
    use State::{Failed, Fresh, Gone, Waiting};
    let fakes = Fakes::new();
    let kinds = [ErrorKind::Gone, ErrorKind::Denied, ErrorKind::Conflict, ErrorKind::Malformed];
    for (number, kind) in kinds.into_iter().enumerate() {
        fakes.sink.fail_with(&target(&format!("team-{number}")), Error::new(kind, "as the test wants"));
    }
    fakes.sink.wait_for(&target("team-4"), Some("ServiceAccount default does not exist"));
    let engine = fakes.engine(10);
    let report = engine.once(Pass::default()).await;
    let states = report.targets.values().map(regcred_engine::Outcome::state).collect::<Vec<_>>();
    assert_eq!(states, [Gone, Failed, Failed, Failed, Waiting, Fresh, Fresh, Fresh, Fresh, Fresh]);
    assert_eq!(report.exit_code(), 1);
    let again = engine.once(Pass::default()).await;
    assert_eq!(again.targets[&target("team-4")].state(), Waiting, "as long as it waits");
}

#[tokio::test(start_paused = true)]
async fn failed_writes_of_some_targets_do_not_fail_the_store() {
    let fakes = Fakes::new();
    let sink = Arc::new(RefusingWrites { inner: fakes.sink.clone(), bad: 20 });
    let route = fakes.route(targets(200)).with_sink(sink);
    let report = fakes.builder().with_route(route).build().expect("it is whole").once(Pass::default()).await;
    assert_eq!((report.count(State::Fresh), report.count(State::Failed), report.exit_code()), (180, 20, 1));
}

/// A sink whose first few targets can be read but not written, as with a failing webhook.
#[derive(Debug)]
struct RefusingWrites {
    inner: Arc<MemorySink>,
    bad: usize,
}

#[async_trait]
impl SecretSink for RefusingWrites {
    async fn observe(&self, target: &Target) -> Result<Observed> {
        self.inner.observe(target).await
    }

    async fn apply(&self, it: &Target, seen: &Observed, set: &CredentialSet) -> Result<Applied> {
        let bad = targets(self.bad).contains(it);
        if bad { Err(unreachable()) } else { self.inner.apply(it, seen, set).await }
    }

    async fn remove(&self, target: &Target) -> Result<()> {
        self.inner.remove(target).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_target_is_not_retried_although_a_provider_may_recover() {
    let fakes = Fakes::new();
    let broken = Arc::new(FakeProvider::new(fakes.clock.clone(), "public.example"));
    broken.fail_with(unreachable());
    let mut sink = MockSecretSink::new();
    sink.expect_observe().times(1).returning(|_| Ok(Observed::absent()));
    sink.expect_apply().times(1).returning(|_, _, _| Err(Error::new(ErrorKind::Refused, "immutable")));
    let mut route = fakes.route(targets(1)).with_sink(sink);
    route.providers.push(provider_name("public"));
    let engine = fakes.builder().with_minter(Minter::new(provider_name("public"), broken)).with_route(route);
    let report = engine.build().expect("it is whole").once(Pass::default()).await;
    assert_eq!((report.count(State::Refused), report.exit_code()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_panicking_event_subscriber_stops_no_target() {
    let fakes = Fakes::new();
    let engine = fakes.builder().with_route(fakes.route(targets(3))).with_on_event(|_| panic!("as the test wants"));
    let report = engine.build().expect("it is whole").once(Pass::default()).await;
    assert_eq!((report.count(State::Fresh), fakes.provider.calls()), (3, 1));
}

/// A cluster that hangs in every call.
#[derive(Debug, Default)]
struct DeadSink(AtomicUsize);

#[async_trait]
impl SecretSink for DeadSink {
    async fn observe(&self, _: &Target) -> Result<Observed> {
        self.0.fetch_add(1, SeqCst);
        pending().await
    }

    async fn apply(&self, _: &Target, _: &Observed, _: &CredentialSet) -> Result<Applied> {
        pending().await
    }

    async fn remove(&self, _: &Target) -> Result<()> {
        pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_cluster_delays_no_other_cluster_and_is_dropped_after_three_pauses() {
    let fakes = Fakes::with_latency(Duration::from_millis(10));
    let dead = Arc::new(DeadSink::default());
    let elsewhere = |it: Target| Target::new(StoreName::new("dead").expect("valid"), it.address);
    let there = targets(100).into_iter().map(elsewhere).collect::<Vec<_>>();
    let route = fakes.route(there).with_sink(dead.clone());
    let (start, last) = (Instant::now(), Arc::new(Mutex::new(None)));
    let seen = last.clone();
    let engine = fakes.builder().with_route(route).with_route(fakes.route(targets(100))).with_on_event(move |event| {
        if let Event::Reconciled { target, .. } = event
            && target.store.as_str() == "memory"
        {
            *seen.lock().expect("no panic") = Some(Instant::now());
        }
    });
    let report = engine.build().expect("it is whole").once(Pass::default()).await;
    let took = last.lock().expect("no panic").expect("the living cluster was done") - start;
    assert!(took < Duration::from_millis(400), "{took:?}");
    assert_eq!((report.count(State::Fresh), report.count(State::Failed), report.exit_code()), (100, 100, 1));
    assert_eq!(dead.0.load(SeqCst), 16 + 1 + 1, "16 at once, then one look after each pause");
    assert!(start.elapsed() < Duration::from_mins(4), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_pass_ends_at_its_deadline_and_reports_unreached_targets_as_failed() {
    let fakes = Fakes::new();
    let route = fakes.route(targets(20)).with_sink(DeadSink::default());
    let engine = fakes.builder().with_route(route).build().expect("it is whole");
    let start = Instant::now();
    let report = engine.once(Pass::default().with_deadline(Duration::from_secs(30))).await;
    assert_eq!((start.elapsed(), report.count(State::Failed)), (Duration::from_secs(30), 20));
    assert_eq!(report.exit_code(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_stop_finishes_running_writes_and_starts_none() {
    let fakes = Fakes::with_latency(Duration::from_secs(1));
    let report = fakes.engine(100).run(sleep(Duration::from_millis(1500))).await;
    assert_eq!((report.count(State::Fresh), fakes.sink.writes()), (16, 16));
    let observing = Fakes::with_latency(Duration::from_secs(1));
    let report = observing.engine(100).run(sleep(Duration::from_millis(500))).await;
    assert_eq!((report.targets.len(), observing.provider.calls(), observing.sink.writes()), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_store_that_hangs() {
    let fakes = Fakes::new();
    let route = fakes.route(targets(1)).with_sink(DeadSink::default());
    let engine = fakes.builder().with_route(route).build().expect("it is whole");
    let start = Instant::now();
    engine.run(sleep(Duration::from_secs(1))).await;
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_throttled_target_does_not_fail_its_store() {
    let fakes = Fakes::new();
    let slow = Error::new(ErrorKind::Throttled, "slow down").with_retry_after(Some(15 * HOUR / 60));
    fakes.sink.fail_with(&target("team-5"), slow);
    let report = fakes.engine(1000).once(Pass::default()).await;
    assert_eq!((report.count(State::Fresh), report.count(State::Failed)), (999, 1));
}

#[tokio::test(start_paused = true)]
async fn one_unreadable_target_does_not_delay_a_new_target() {
    let fakes = Fakes::new();
    fakes.sink.fail_with(&target("team-0"), unreachable());
    let engine = fakes.builder().with_route(fakes.route(Newcomers(HOUR))).build().expect("it is whole");
    let report = engine.run(sleep(2 * HOUR)).await;
    assert_eq!((report.count(State::Fresh), report.count(State::Failed)), (1, 1));
    let written = fakes.sink.validities()[0].issued_at();
    let appeared = fakes.clock.now() - HOUR;
    let waited = written.duration_since(appeared).unwrap_or_default();
    assert!(waited < Duration::from_secs(1), "{waited:?}");
}

/// Sends one target immediately, and another one later.
#[derive(Debug)]
struct Newcomers(Duration);

#[async_trait]
impl TargetSource for Newcomers {
    async fn watch(&self, sender: TargetSender) -> Result<()> {
        sender.send(TargetEvent::Present(target("team-0"))).await;
        sender.send(TargetEvent::Synced).await;
        sleep(self.0).await;
        sender.send(TargetEvent::Present(target("new"))).await;
        Ok(())
    }
}
