//! Another writer keeps changing the targets of regcred.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use regcred_core::{
    Result, Target, TargetEvent, TargetSender, TargetSource,
    testing::{FakeProvider, MemorySink, TestClock, target},
};
use regcred_engine::{Pass, State};
use tokio::time::{Instant, sleep_until};

use crate::fakes::{Fakes, HOUR};

/// How the opponent changes the target.
#[derive(Clone, Copy, Debug)]
enum How {
    Edit,
    Empty,
    Delete,
}

/// Changes the target again and again, and sends an event each time, as a watch does.
#[derive(Debug)]
struct Opponent {
    sink: Arc<MemorySink>,
    target: Target,
    how: How,
    every: Duration,
    times: u32,
}

#[async_trait]
impl TargetSource for Opponent {
    async fn watch(&self, sender: TargetSender) -> Result<()> {
        sender.send(TargetEvent::Present(self.target.clone())).await;
        sender.send(TargetEvent::Synced).await;
        let start = Instant::now();
        for time in 1..=self.times {
            sleep_until(start + self.every * time).await;
            match self.how {
                How::Edit => self.sink.edit(&self.target),
                How::Empty => self.sink.empty(&self.target),
                How::Delete => self.sink.delete(&self.target),
            }
            sender.send(TargetEvent::Present(self.target.clone())).await;
        }
        std::future::pending().await
    }
}

fn opponent(fakes: &Fakes, how: How, every: Duration, times: u32) -> Opponent {
    Opponent { sink: fakes.sink.clone(), target: target("team-0"), how, every, times }
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_conflicting_writes_costs_three_restorations_and_no_mint() {
    for how in [How::Edit, How::Empty, How::Delete] {
        let fakes = Fakes::new();
        let source = opponent(&fakes, how, Duration::from_millis(100), 600);
        let engine = fakes.builder().with_route(fakes.route(source)).build().expect("it is whole");
        let report = engine.run(tokio::time::sleep(Duration::from_mins(2))).await;
        assert_eq!((fakes.sink.writes(), fakes.provider.calls()), (4, 1), "{how:?}: the first one and three again");
        let outcome = &report.targets[&target("team-0")];
        assert_eq!((outcome.state(), report.exit_code()), (State::Contested, 1), "{how:?}");
        assert!(outcome.reasons()[0].starts_with("contested: "), "{:?}", outcome.reasons());
    }
}

#[tokio::test(start_paused = true)]
async fn a_contested_target_is_restored_after_ten_minutes_and_recovers_after_an_hour() {
    let fakes = Fakes::new();
    let source = opponent(&fakes, How::Edit, Duration::from_secs(1), 20);
    let engine = fakes.builder().with_route(fakes.route(source)).build().expect("it is whole");
    let stop = async {
        tokio::time::sleep(Duration::from_mins(9)).await;
        assert_eq!(fakes.sink.writes(), 4, "not yet");
        tokio::time::sleep(Duration::from_mins(2)).await;
        assert_eq!(fakes.sink.writes(), 5, "its last edit is undone after ten minutes, without an event");
        tokio::time::sleep(HOUR).await;
    };
    let report = engine.run(stop).await;
    assert_eq!((fakes.sink.writes(), report.count(State::Fresh)), (5, 1), "an hour has passed in peace");
}

#[tokio::test(start_paused = true)]
async fn a_contested_target_is_still_refreshed_when_due() {
    let fakes = Fakes::new();
    let source = opponent(&fakes, How::Edit, Duration::from_mins(3), 300);
    let engine = fakes.builder().with_route(fakes.route(source)).build().expect("it is whole");
    engine.run(tokio::time::sleep(14 * HOUR)).await;
    assert!(fakes.provider.calls() >= 3, "{}", fakes.provider.calls());
    let validities = fakes.sink.validities();
    assert!(validities.iter().all(|it| it.is_usable(regcred_core::Clock::now(&*fakes.clock) + 4 * HOUR)));
    let most = 14 * 6 + 3 + fakes.provider.calls();
    assert!(fakes.sink.writes() <= most, "one in ten minutes, and one per credential: {}", fakes.sink.writes());
}

#[tokio::test(start_paused = true)]
async fn a_short_lived_credential_does_not_expire_in_a_contested_target() {
    let (clock, sink) = (Arc::new(TestClock::new()), Arc::new(MemorySink::default()));
    let life = Duration::from_mins(2);
    let provider = Arc::new(FakeProvider::new(clock.clone(), "prod.example").with_life(Some(life)));
    let fakes = Fakes { clock, provider, sink };
    let source = opponent(&fakes, How::Edit, Duration::from_secs(10), 600);
    let engine = fakes.builder().with_route(fakes.route(source)).build().expect("it is whole");
    let hour = async {
        for _ in 0..360 {
            tokio::time::sleep(Duration::from_secs(10)).await;
            let now = regcred_core::Clock::now(&*fakes.clock);
            assert!(fakes.sink.validities().iter().all(|it| it.is_usable(now)), "it has expired");
        }
    };
    let report = engine.run(hour).await;
    assert_eq!(report.count(State::Contested), 1);
}

#[tokio::test(start_paused = true)]
async fn restorations_are_counted_across_passes_of_one_engine() {
    let fakes = Fakes::new();
    let engine = fakes.engine(1);
    let mut states = vec![];
    for _ in 0..5 {
        let report = engine.once(Pass::default()).await;
        states.push(report.targets[&target("team-0")].state());
        fakes.sink.edit(&target("team-0"));
    }
    let fresh = State::Fresh;
    assert_eq!(states, [fresh, fresh, fresh, State::Contested, State::Contested]);
    assert_eq!(fakes.sink.writes(), 4);
}
