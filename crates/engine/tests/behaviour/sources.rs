//! Which sources send targets, and what happens to targets that no source sends any more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use regcred_core::{
    Error, ErrorKind, Result, TargetEvent, TargetSender, TargetSource,
    testing::{MemorySink, target},
};
use regcred_engine::{Pass, State};
use tokio::time::{Instant, sleep};

use crate::fakes::{Fakes, HOUR, targets, unreachable};

/// Sends a thousand targets at once, and one more a little later.
#[derive(Debug)]
struct LateComer;

#[async_trait]
impl TargetSource for LateComer {
    async fn watch(&self, sender: TargetSender) -> Result<()> {
        for target in targets(1000) {
            sender.send(TargetEvent::Present(target)).await;
        }
        sender.send(TargetEvent::Synced).await;
        sleep(Duration::from_millis(255)).await;
        sender.send(TargetEvent::Present(target("new"))).await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_namespace_overtakes_the_rest_of_a_full_pass() {
    let fakes = Fakes::with_latency(Duration::from_millis(10));
    let engine = fakes.builder().with_route(fakes.route(LateComer)).build().expect("it is whole");
    engine.run(sleep(HOUR)).await;
    let looks = fakes.sink.observed();
    let place = looks.iter().position(|it| *it == target("new")).expect("it was seen");
    assert!((100..200).contains(&place) && looks.len() == 1001, "{place} of {}", looks.len());
}

/// Sends all its targets, and then the same target again and again.
#[derive(Debug)]
struct Restless;

#[async_trait]
impl TargetSource for Restless {
    async fn watch(&self, sender: TargetSender) -> Result<()> {
        sender.send(TargetEvent::Present(target("team-0"))).await;
        sender.send(TargetEvent::Synced).await;
        loop {
            sleep(Duration::from_millis(5)).await;
            sender.send(TargetEvent::Present(target("team-0"))).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_pass_reads_a_source_until_its_list_is_complete() {
    let fakes = Fakes::with_latency(Duration::from_millis(50));
    let engine = fakes.builder().with_route(fakes.route(Restless)).build().expect("it is whole");
    let start = Instant::now();
    let report = engine.once(Pass::default()).await;
    assert_eq!((report.count(State::Fresh), fakes.sink.observed().len()), (1, 1));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

/// Has a target for an hour.
#[derive(Debug)]
struct Passing;

#[async_trait]
impl TargetSource for Passing {
    async fn watch(&self, sender: TargetSender) -> Result<()> {
        sender.send(TargetEvent::Present(target("team-0"))).await;
        sender.send(TargetEvent::Synced).await;
        sleep(HOUR).await;
        sender.send(TargetEvent::Gone(target("team-0"))).await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_the_first_route_drops_goes_to_the_next_route() {
    let fakes = Fakes::new();
    let other = Arc::new(MemorySink::default());
    let second = fakes.route(targets(1)).with_sink(other.clone());
    let engine = fakes.builder().with_route(fakes.route(Passing)).with_route(second).build().expect("it is whole");
    let report = engine.run(sleep(2 * HOUR)).await;
    assert_eq!((report.count(State::Fresh), fakes.sink.writes(), other.writes()), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_removed_during_its_reconcile_is_not_reported() {
    let fakes = Fakes::with_latency(2 * HOUR);
    let engine = fakes.builder().with_route(fakes.route(Passing)).build().expect("it is whole");
    let report = engine.run(sleep(3 * HOUR)).await;
    assert!(report.targets.is_empty(), "{report:?}");
}

/// Sends one target, fails, and sends another one in the next call.
#[derive(Debug, Default)]
struct Forgetful(AtomicUsize);

#[async_trait]
impl TargetSource for Forgetful {
    async fn watch(&self, sender: TargetSender) -> Result<()> {
        if self.0.fetch_add(1, SeqCst) > 0 {
            sender.send(TargetEvent::Present(target("after"))).await;
            return Ok(());
        }
        sender.send(TargetEvent::Present(target("before"))).await;
        sender.send(TargetEvent::Synced).await;
        sleep(Duration::from_secs(1)).await;
        Err(unreachable())
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_source_is_retried_and_targets_it_no_longer_lists_are_removed() {
    let fakes = Fakes::new();
    let engine = fakes.builder().with_route(fakes.route(Forgetful::default())).build().expect("it is whole");
    let report = engine.run(sleep(HOUR)).await;
    assert_eq!(report.targets.keys().collect::<Vec<_>>(), [&target("after")]);
    assert!(report.sources.is_empty());
}

/// Fails in every call.
#[derive(Debug, Default)]
struct Broken(AtomicUsize);

#[async_trait]
impl TargetSource for Broken {
    async fn watch(&self, _: TargetSender) -> Result<()> {
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
async fn the_first_of_two_routes_to_one_address_wins() {
    let fakes = Fakes::new();
    let other = Arc::new(MemorySink::default());
    let second = fakes.route(targets(2)).with_sink(other.clone());
    let engine = fakes.builder().with_route(fakes.route(targets(1))).with_route(second).build().expect("it is whole");
    engine.once(Pass::default()).await;
    assert_eq!((fakes.sink.writes(), other.writes()), (1, 1));
}

/// Sends all its targets and then fails, in every call.
#[derive(Debug, Default)]
struct CutOff(AtomicUsize);

#[async_trait]
impl TargetSource for CutOff {
    async fn watch(&self, sender: TargetSender) -> Result<()> {
        self.0.fetch_add(1, SeqCst);
        sender.send(TargetEvent::Present(target("team-0"))).await;
        sender.send(TargetEvent::Synced).await;
        Err(unreachable())
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_keeps_closing_is_retried_with_growing_pauses() {
    let (fakes, cut_off) = (Fakes::new(), Arc::new(CutOff::default()));
    let engine = fakes.builder().with_route(fakes.route(cut_off.clone())).build().expect("it is whole");
    engine.run(sleep(HOUR)).await;
    let asked = cut_off.0.load(SeqCst);
    assert!((10..100).contains(&asked), "{asked}");
}

/// Takes a second to send one target, or to fail.
#[derive(Debug)]
struct Slow(Option<ErrorKind>);

#[async_trait]
impl TargetSource for Slow {
    async fn watch(&self, sender: TargetSender) -> Result<()> {
        sleep(Duration::from_secs(1)).await;
        if let Some(kind) = self.0 {
            return Err(Error::new(kind, "it cannot be listed"));
        }
        sender.send(TargetEvent::Present(target("team-0"))).await;
        sender.send(TargetEvent::Synced).await;
        sleep(2 * HOUR).await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_never_writes_targets_of_a_slower_route_that_it_yields_to() {
    for once in [true, false] {
        let (fakes, other) = (Fakes::new(), Arc::new(MemorySink::default()));
        let second = fakes.route(targets(2)).with_sink(other.clone()).with_yields_to(vec![0]);
        let first = fakes.route(Slow(None));
        let engine = fakes.builder().with_route(first).with_route(second).build().expect("it is whole");
        let report =
            if once { engine.once(Pass::default()).await } else { engine.run(sleep(Duration::from_mins(1))).await };
        assert_eq!((fakes.sink.writes(), other.writes()), (1, 1), "once: {once}");
        assert!(other.stored(&target("team-0")).is_none() && other.stored(&target("team-1")).is_some());
        assert_eq!(report.count(State::Fresh), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_that_yields_to_a_failed_route_writes_nothing() {
    for kind in [ErrorKind::Denied, ErrorKind::Unreachable] {
        let (fakes, other) = (Fakes::new(), Arc::new(MemorySink::default()));
        let engine = || {
            let second = fakes.route(targets(2)).with_sink(other.clone()).with_yields_to(vec![0]);
            let third = fakes.route(vec![target("another")]);
            let engine = fakes.builder().with_route(fakes.route(Slow(Some(kind)))).with_route(second).with_route(third);
            engine.build().expect("it is whole")
        };
        engine().run(sleep(HOUR)).await;
        assert_eq!((other.writes(), fakes.sink.writes()), (0, 1), "{kind}");
        let report = engine().once(Pass::default()).await;
        assert_eq!((report.count(State::Failed), report.count(State::Fresh), report.exit_code()), (2, 1, 1), "{kind}");
        let (_, outcome) = report.targets.iter().find(|(it, _)| **it == target("team-0")).expect("it is reported");
        assert!(outcome.reasons()[0].contains("whose targets are not known: it cannot be listed"), "{outcome:?}");
        assert_eq!(other.writes(), 0, "{kind}");
    }
}

/// Fails immediately and permanently.
#[derive(Debug)]
struct Forbidden;

#[async_trait]
impl TargetSource for Forbidden {
    async fn watch(&self, _: TargetSender) -> Result<()> {
        Err(Error::new(ErrorKind::Denied, "it may not be listed"))
    }
}

#[tokio::test(start_paused = true)]
async fn targets_that_wait_for_a_failed_or_slow_route_are_reported_as_failed() {
    let (fakes, other) = (Fakes::new(), Arc::new(MemorySink::default()));
    let many = fakes.route(targets(3_000)).with_sink(other.clone()).with_yields_to(vec![0]);
    let engine = fakes.builder().with_route(fakes.route(Forbidden)).with_route(many).build().expect("it is whole");
    let report = engine.once(Pass::default()).await;
    assert_eq!((report.count(State::Failed), other.writes()), (3_000, 0));
    assert!(report.targets.values().all(|outcome| outcome.route == 1), "each is reported at the route that named it");

    let second = fakes.route(targets(2)).with_sink(other.clone()).with_yields_to(vec![0]);
    let engine = fakes.builder().with_route(fakes.route(Slow(None))).with_route(second).build().expect("it is whole");
    let report = engine.once(Pass::default().with_deadline(Duration::from_millis(100))).await;
    assert_eq!((report.count(State::Failed), other.writes()), (2, 0), "{report:#?}");

    let itself = fakes.route(targets(1)).with_yields_to(vec![0]);
    let error = fakes.builder().with_route(itself).build().expect_err("it cannot wait for itself");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
