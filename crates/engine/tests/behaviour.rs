//! How the engine behaves, on fakes with memory and a clock that only tests move.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use regcred_core::{
    Clock, Error, ErrorKind, Feed, MockSecretSink, Observed, RegistryProvider, Result, SecretSink, Sighting, StoreName,
    Target, TargetSource,
    testing::{FakeProvider, MemorySink, TestClock, provider_name, target},
};
use regcred_engine::{Builder, Engine, Event, Minter, Pass, Route, State, Step};
use tokio::time::{Instant, sleep};

const HOUR: Duration = Duration::from_hours(1);

struct Fakes {
    clock: Arc<TestClock>,
    provider: Arc<FakeProvider>,
    sink: Arc<MemorySink>,
}

impl Fakes {
    fn new() -> Self {
        Self::with_latency(Duration::ZERO)
    }

    fn with_latency(latency: Duration) -> Self {
        let clock = Arc::new(TestClock::new());
        let provider = FakeProvider::new(clock.clone(), "prod.example").with_latency(Duration::from_millis(100));
        Self { clock, provider: Arc::new(provider), sink: Arc::new(MemorySink::with_latency(latency)) }
    }

    fn builder(&self) -> Builder {
        Engine::builder(self.clock.clone()).with_minter(Minter::new(provider_name("prod"), self.provider.clone()))
    }

    fn route(&self, source: impl TargetSource) -> Route {
        Route { providers: vec![provider_name("prod")], source: Arc::new(source), sink: self.sink.clone() }
    }

    fn engine(&self, count: usize) -> Arc<Engine> {
        self.builder().with_route(self.route(targets(count))).build().expect("it is whole")
    }
}

fn targets(count: usize) -> Vec<Target> {
    (0..count).map(|number| target(&format!("team-{number}"))).collect()
}

fn unreachable() -> Error {
    Error::new(ErrorKind::Unreachable, "no answer")
}

#[tokio::test(start_paused = true)]
async fn a_thousand_targets_cost_one_mint_and_a_second_pass_writes_nothing() {
    let fakes = Fakes::new();
    let engine = fakes.engine(1000);
    let first = engine.once(Pass::default()).await;
    assert!(first.targets.len() == 1000 && first.targets.values().all(|it| it.step == Some(Step::Create)));
    let second = engine.once(Pass::default()).await;
    assert!(second.targets.len() == 1000 && second.targets.values().all(|it| it.step == Some(Step::Leave)));
    assert_eq!((fakes.provider.calls(), fakes.sink.writes()), (1, 1000));
    assert_eq!((first.exit_code(), second.exit_code()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_new_process_mints_nothing_for_what_is_fresh_and_everything_when_forced() {
    let fakes = Fakes::new();
    fakes.engine(10).once(Pass::default()).await;
    fakes.engine(10).once(Pass::default()).await;
    assert_eq!((fakes.provider.calls(), fakes.sink.writes()), (1, 10), "the dates stand at the targets");
    tokio::time::advance(Duration::from_secs(1)).await;
    let forced = fakes.engine(10).once(Pass { force: true, ..Pass::default() }).await;
    assert!(forced.targets.values().all(|it| it.step == Some(Step::Refresh)));
    assert_eq!((fakes.provider.calls(), fakes.sink.writes()), (2, 20));
}

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
async fn a_provider_that_comes_back_within_the_pass_is_enough() {
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

#[tokio::test(start_paused = true)]
async fn what_a_person_must_mend_is_asked_for_once() {
    let fakes = Fakes::new();
    fakes.provider.fail_with(Error::new(ErrorKind::Denied, "not allowed"));
    let start = Instant::now();
    let report = fakes.engine(100).once(Pass::default()).await;
    assert_eq!((report.exit_code(), fakes.provider.calls()), (2, 1));
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_month_passes_with_four_mints_a_day_at_most_and_nothing_ever_expires() {
    let fakes = Fakes::new();
    let month = async {
        let mut least = 12 * HOUR;
        for _ in 0..30 * 24 * 6 {
            sleep(HOUR / 6).await;
            for validity in fakes.sink.validities() {
                let left = validity.expires_at().expect("it ends").duration_since(fakes.clock.now());
                least = least.min(left.expect("nothing has expired"));
            }
        }
        assert!(least > 5 * HOUR, "{least:?}");
    };
    let report = fakes.engine(10).run(month).await;
    assert_eq!(report.count(State::Fresh), 10);
    let calls = fakes.provider.calls();
    assert!((100..=4 * 30).contains(&calls), "{calls}");
    assert_eq!(fakes.sink.writes(), calls * 10, "each target gets each credential once");
}

#[tokio::test(start_paused = true)]
async fn a_month_with_outages_of_three_hours_leaves_two_hours_of_life_everywhere() {
    let fakes = Fakes::new();
    let month = async {
        for hour in 0..30 * 24 {
            let outage = hour % 7 < 3; // comes at every time of a credential's life
            fakes.provider.fail_with(outage.then(unreachable));
            sleep(HOUR).await;
            let validities = fakes.sink.validities();
            assert_eq!(validities.len(), if hour < 3 { 0 } else { 3 }, "the month begins with an outage");
            for validity in validities {
                let left = validity.expires_at().expect("it ends").duration_since(fakes.clock.now());
                assert!(left.expect("nothing has expired") > 2 * HOUR);
            }
        }
    };
    fakes.engine(3).run(month).await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_forward_is_noticed_within_five_minutes() {
    let fakes = Fakes::new();
    let steps = async {
        sleep(HOUR).await;
        assert_eq!(fakes.provider.calls(), 1);
        fakes.clock.step(6 * HOUR);
        sleep(Duration::from_mins(6)).await;
        assert_eq!(fakes.provider.calls(), 2, "what was fresh is due now");
    };
    fakes.engine(1).run(steps).await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_is_noticed_within_five_minutes() {
    let fakes = Fakes::new();
    let steps = async {
        sleep(HOUR).await;
        fakes.clock.step_back(6 * HOUR);
        sleep(Duration::from_mins(6)).await;
        assert_eq!(fakes.provider.calls(), 2, "what was issued in the future is not believed");
    };
    fakes.engine(1).run(steps).await;
}

#[tokio::test(start_paused = true)]
async fn a_schedule_adds_renewals() {
    let fakes = Fakes::new();
    let hourly = |after: SystemTime| {
        let hours = after.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs() / 3600;
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs((hours + 1) * 3600))
    };
    let engine = fakes.builder().with_schedule(Arc::new(hourly)).with_route(fakes.route(targets(1)));
    engine.build().expect("it is whole").run(sleep(24 * HOUR)).await;
    let calls = fakes.provider.calls();
    assert!((12..=13).contains(&calls), "every second hour, as a tenth of the life passes first: {calls}");
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_one_target_s_failure() {
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
    assert_eq!(report.targets[&target("team-0")].step, Some(Step::Refuse("helm".into())));
    assert_eq!((fakes.provider.calls(), fakes.sink.writes(), report.exit_code()), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn an_edited_secret_is_repaired_without_a_mint() {
    let fakes = Fakes::new();
    let engine = fakes.engine(1);
    engine.once(Pass::default()).await;
    fakes.sink.edit(&target("team-0"));
    let report = engine.once(Pass::default()).await;
    assert_eq!(report.targets[&target("team-0")].step, Some(Step::Repair(vec!["it was edited".into()])));
    assert_eq!((fakes.provider.calls(), fakes.sink.writes()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_fails_does_not_stop_its_neighbour_in_the_same_secret() {
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
async fn a_mock_sink_can_stand_in() {
    let fakes = Fakes::new();
    let mut sink = MockSecretSink::new();
    sink.expect_observe().times(1).returning(|_| Ok(Some(Observed::foreign("helm"))));
    sink.expect_apply().never();
    let route = Route { sink: Arc::new(sink), ..fakes.route(targets(1)) };
    let report = fakes.builder().with_route(route).build().expect("it is whole").once(Pass::default()).await;
    assert_eq!(report.count(State::Refused), 1);
}

#[tokio::test(start_paused = true)]
async fn each_sort_of_failure_is_one_target_s_and_counts_for_what_it_is() {
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
async fn writes_that_fail_for_some_do_not_make_the_store_a_dead_one() {
    let fakes = Fakes::new();
    let sink = Arc::new(RefusingWrites { inner: fakes.sink.clone(), bad: 20 });
    let route = Route { sink, ..fakes.route(targets(200)) };
    let report = fakes.builder().with_route(route).build().expect("it is whole").once(Pass::default()).await;
    assert_eq!((report.count(State::Fresh), report.count(State::Failed), report.exit_code()), (180, 20, 1));
}

/// A webhook that is down stands before the first few namespaces: they can be read, but not written.
#[derive(Debug)]
struct RefusingWrites {
    inner: Arc<MemorySink>,
    bad: usize,
}

#[async_trait]
impl SecretSink for RefusingWrites {
    async fn observe(&self, target: &Target) -> Result<Option<Observed>> {
        self.inner.observe(target).await
    }

    async fn apply(&self, it: &Target, set: &regcred_core::CredentialSet) -> Result<regcred_core::Applied> {
        let bad = targets(self.bad).contains(it);
        if bad { Err(unreachable()) } else { self.inner.apply(it, set).await }
    }

    async fn remove(&self, target: &Target) -> Result<()> {
        self.inner.remove(target).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_tried_again_though_a_provider_may_come_back() {
    let fakes = Fakes::new();
    let broken = Arc::new(FakeProvider::new(fakes.clock.clone(), "public.example"));
    broken.fail_with(unreachable());
    let mut sink = MockSecretSink::new();
    sink.expect_observe().times(1).returning(|_| Ok(None));
    sink.expect_apply().times(1).returning(|_, _| Err(Error::new(ErrorKind::Refused, "immutable")));
    let mut route = Route { sink: Arc::new(sink), ..fakes.route(targets(1)) };
    route.providers.push(provider_name("public"));
    let engine = fakes.builder().with_minter(Minter::new(provider_name("public"), broken)).with_route(route);
    let report = engine.build().expect("it is whole").once(Pass::default()).await;
    assert_eq!((report.count(State::Refused), report.exit_code()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_panics_stops_nobody() {
    let fakes = Fakes::new();
    let engine = fakes.builder().with_route(fakes.route(targets(3))).with_on_event(|_| panic!("as the test wants"));
    let report = engine.build().expect("it is whole").once(Pass::default()).await;
    assert_eq!((report.count(State::Fresh), fakes.provider.calls()), (3, 1));
}

/// A cluster that hangs, at once in every call.
#[derive(Debug, Default)]
struct DeadSink(AtomicUsize);

#[async_trait]
impl SecretSink for DeadSink {
    async fn observe(&self, _: &Target) -> Result<Option<Observed>> {
        self.0.fetch_add(1, SeqCst);
        pending().await
    }

    async fn apply(&self, _: &Target, _: &regcred_core::CredentialSet) -> Result<regcred_core::Applied> {
        pending().await
    }

    async fn remove(&self, _: &Target) -> Result<()> {
        pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_cluster_takes_no_worker_from_another_and_is_given_up_after_three_pauses() {
    let fakes = Fakes::with_latency(Duration::from_millis(10));
    let dead = Arc::new(DeadSink::default());
    let elsewhere = |it: Target| Target { store: StoreName::new("dead").expect("valid"), ..it };
    let there = targets(100).into_iter().map(elsewhere).collect::<Vec<_>>();
    let route = Route { sink: dead.clone(), ..fakes.route(there) };
    let (start, last) = (Instant::now(), Arc::new(Mutex::new(None)));
    let seen = last.clone();
    let engine = fakes.builder().with_route(route).with_route(fakes.route(targets(100))).with_on_event(move |event| {
        if let Event::Looked { target, .. } = event
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
async fn a_pass_ends_at_its_deadline_and_says_what_it_did_not_reach() {
    let fakes = Fakes::new();
    let route = Route { sink: Arc::new(DeadSink::default()), ..fakes.route(targets(20)) };
    let engine = fakes.builder().with_route(route).build().expect("it is whole");
    let start = Instant::now();
    let report = engine.once(Pass { deadline: Duration::from_secs(30), ..Pass::default() }).await;
    assert_eq!((start.elapsed(), report.count(State::Failed)), (Duration::from_secs(30), 20));
    assert_eq!(report.exit_code(), 3);
}

/// A thousand at once, and one more a little later.
#[derive(Debug)]
struct LateComer;

#[async_trait]
impl TargetSource for LateComer {
    async fn watch(&self, feed: Feed) -> Result<()> {
        for target in targets(1000) {
            feed.send(Sighting::Present(target)).await;
        }
        feed.send(Sighting::Synced).await;
        sleep(Duration::from_millis(255)).await;
        feed.send(Sighting::Present(target("new"))).await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_namespace_overtakes_a_full_pass() {
    let fakes = Fakes::with_latency(Duration::from_millis(10));
    let engine = fakes.builder().with_route(fakes.route(LateComer)).build().expect("it is whole");
    engine.run(sleep(HOUR)).await;
    let looks = fakes.sink.looks();
    let place = looks.iter().position(|it| *it == target("new")).expect("it was seen");
    assert!((100..200).contains(&place) && looks.len() == 1001, "{place} of {}", looks.len());
}

/// Names everything, and then touches the same target for ever.
#[derive(Debug)]
struct Restless;

#[async_trait]
impl TargetSource for Restless {
    async fn watch(&self, feed: Feed) -> Result<()> {
        feed.send(Sighting::Present(target("team-0"))).await;
        feed.send(Sighting::Synced).await;
        loop {
            sleep(Duration::from_millis(5)).await;
            feed.send(Sighting::Present(target("team-0"))).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_pass_listens_to_a_source_until_it_has_named_everything() {
    let fakes = Fakes::with_latency(Duration::from_millis(50));
    let engine = fakes.builder().with_route(fakes.route(Restless)).build().expect("it is whole");
    let start = Instant::now();
    let report = engine.once(Pass::default()).await;
    assert_eq!((report.count(State::Fresh), fakes.sink.looks().len()), (1, 1));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

/// Has a target for an hour.
#[derive(Debug)]
struct Passing;

#[async_trait]
impl TargetSource for Passing {
    async fn watch(&self, feed: Feed) -> Result<()> {
        feed.send(Sighting::Present(target("team-0"))).await;
        feed.send(Sighting::Synced).await;
        sleep(HOUR).await;
        feed.send(Sighting::Gone(target("team-0"))).await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_first_route_gives_up_the_next_has() {
    let fakes = Fakes::new();
    let other = Arc::new(MemorySink::default());
    let second = Route { sink: other.clone(), ..fakes.route(targets(1)) };
    let engine = fakes.builder().with_route(fakes.route(Passing)).with_route(second).build().expect("it is whole");
    let report = engine.run(sleep(2 * HOUR)).await;
    assert_eq!((report.count(State::Fresh), fakes.sink.writes(), other.writes()), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_while_it_is_looked_at_is_not_reported() {
    let fakes = Fakes::with_latency(2 * HOUR);
    let engine = fakes.builder().with_route(fakes.route(Passing)).build().expect("it is whole");
    let report = engine.run(sleep(3 * HOUR)).await;
    assert!(report.targets.is_empty(), "{report:?}");
}

/// Names one target, fails, and names another when it is asked again.
#[derive(Debug, Default)]
struct Forgetful(AtomicUsize);

#[async_trait]
impl TargetSource for Forgetful {
    async fn watch(&self, feed: Feed) -> Result<()> {
        if self.0.fetch_add(1, SeqCst) > 0 {
            feed.send(Sighting::Present(target("after"))).await;
            return Ok(());
        }
        feed.send(Sighting::Present(target("before"))).await;
        feed.send(Sighting::Synced).await;
        sleep(Duration::from_secs(1)).await;
        Err(unreachable())
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_is_asked_again_and_what_it_names_no_more_is_gone() {
    let fakes = Fakes::new();
    let engine = fakes.builder().with_route(fakes.route(Forgetful::default())).build().expect("it is whole");
    let report = engine.run(sleep(HOUR)).await;
    assert_eq!(report.targets.keys().collect::<Vec<_>>(), [&target("after")]);
    assert!(report.sources.is_empty());
}

/// Fails at every call.
#[derive(Debug, Default)]
struct Broken(AtomicUsize);

#[async_trait]
impl TargetSource for Broken {
    async fn watch(&self, _: Feed) -> Result<()> {
        let calls = self.0.fetch_add(1, SeqCst);
        assert!(calls < 100, "as the test wants");
        Err(unreachable())
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_stays_broken_ends_the_pass_and_is_reported() {
    let fakes = Fakes::new();
    let (broken, panicking) = (Broken::default(), Broken(AtomicUsize::new(100)));
    let engine = fakes.builder().with_route(fakes.route(broken)).with_route(fakes.route(targets(3)));
    let report = engine.build().expect("it is whole").once(Pass::default()).await;
    assert_eq!((report.sources.len(), report.count(State::Fresh), report.exit_code()), (1, 3, 1));
    let engine = fakes.builder().with_route(fakes.route(panicking)).build().expect("it is whole");
    let report = engine.once(Pass::default()).await;
    assert_eq!(report.sources[&0].kind(), ErrorKind::Bug);
}

#[tokio::test(start_paused = true)]
async fn where_two_routes_name_one_address_the_first_has_it() {
    let fakes = Fakes::new();
    let other = Arc::new(MemorySink::default());
    let second = Route { sink: other.clone(), ..fakes.route(targets(2)) };
    let engine = fakes.builder().with_route(fakes.route(targets(1))).with_route(second).build().expect("it is whole");
    engine.once(Pass::default()).await;
    assert_eq!((fakes.sink.writes(), other.writes()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_writes_finish_and_begins_none() {
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
    let route = Route { sink: Arc::new(DeadSink::default()), ..fakes.route(targets(1)) };
    let engine = fakes.builder().with_route(route).build().expect("it is whole");
    let start = Instant::now();
    engine.run(sleep(Duration::from_secs(1))).await;
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn an_engine_that_is_not_whole_is_refused() {
    let clock = Arc::new(regcred_core::SystemClock);
    let provider: Arc<dyn RegistryProvider> = Arc::new(FakeProvider::new(clock.clone(), "r.example"));
    let minter = || Minter::new(provider_name("prod"), provider.clone());
    let route = |providers| Route { providers, source: Arc::new(targets(1)), sink: Arc::new(MemorySink::default()) };
    let cases = [
        (Engine::builder(clock.clone()).with_minter(minter()).with_minter(minter()), "two providers are called prod"),
        (Engine::builder(clock.clone()).with_route(route(vec![])), "a route names no provider"),
        (
            Engine::builder(clock).with_route(route(vec![provider_name("x")])),
            "a route names the provider x, which does not exist",
        ),
    ];
    for (builder, reason) in cases {
        assert_eq!(builder.build().expect_err(reason).to_string(), reason);
    }
}
