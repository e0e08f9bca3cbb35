//! Long runs, schedules, and clock changes.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use regcred_core::{
    Clock,
    testing::{FakeProvider, provider_name},
};
use regcred_engine::{Engine, Minter, State};
use tokio::time::sleep;

use crate::fakes::{Fakes, HOUR, targets, unreachable};

#[tokio::test(start_paused = true)]
async fn a_month_costs_at_most_four_mints_a_day_and_nothing_expires() {
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
async fn in_a_month_of_three_hour_outages_every_credential_keeps_two_hours_of_life() {
    let fakes = Fakes::new();
    let month = async {
        for hour in 0..30 * 24 {
            let outage = hour % 7 < 3; // hits every part of a credential's life
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
async fn targets_due_together_are_spread_and_targets_of_events_are_not() {
    let fakes = Fakes::new();
    let engine =
        fakes.builder().with_route(fakes.route(targets(20))).with_due_per_second(2).build().expect("it is whole");
    let refreshed = || fakes.sink.writes() - 20;
    let day = async {
        sleep(HOUR).await;
        assert_eq!((fakes.sink.writes(), fakes.provider.calls()), (20, 1), "what is new does not wait");
        while refreshed() == 0 {
            sleep(Duration::from_millis(100)).await;
        }
        sleep(Duration::from_secs(4)).await;
        assert!((6..=11).contains(&refreshed()), "{} in four seconds", refreshed());
        sleep(Duration::from_secs(10)).await;
        assert_eq!(refreshed(), 20);
    };
    engine.run(day).await;
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
async fn a_schedule_adds_refreshes() {
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
async fn a_requested_refresh_rewrites_every_target_once() {
    let fakes = Fakes::new();
    let minter = Arc::new(Minter::new(provider_name("prod"), fakes.provider.clone()));
    let engine = Engine::builder(fakes.clock.clone()).with_minter(minter.clone());
    let engine = engine.with_route(fakes.route(targets(10))).build().expect("it is whole");
    let told = engine.clone();
    let hours = async {
        sleep(HOUR).await;
        assert_eq!((fakes.sink.writes(), fakes.provider.calls()), (10, 1));
        minter.forget();
        told.refresh();
        sleep(HOUR).await;
        assert_eq!((fakes.sink.writes(), fakes.provider.calls()), (20, 2));
    };
    engine.run(hours).await;
    engine.refresh();
    engine.run(sleep(HOUR)).await;
    assert_eq!(fakes.sink.writes(), 20, "what was asked for before a run is not for that run");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_during_an_outage_is_completed_once_the_provider_recovers() {
    let fakes = Fakes::new();
    let other = Arc::new(FakeProvider::new(fakes.clock.clone(), "other.example"));
    let minters = [("prod", fakes.provider.clone()), ("other", other.clone())]
        .map(|(name, provider)| Arc::new(Minter::new(provider_name(name), provider)));
    let route = fakes.route(targets(3)).with_providers(["prod", "other"].map(provider_name));
    let engine = Engine::builder(fakes.clock.clone()).with_minter(minters[0].clone()).with_minter(minters[1].clone());
    let engine = engine.with_route(route).build().expect("it is whole");
    let told = engine.clone();
    let hours = async {
        sleep(HOUR).await;
        assert_eq!(fakes.sink.writes(), 3);
        other.fail_with(unreachable());
        minters[0].forget();
        minters[1].forget();
        told.refresh();
        sleep(2 * HOUR).await;
        assert_eq!(fakes.sink.writes(), 6, "once, however often the other one is asked for");
        other.fail_with(None);
        sleep(HOUR).await;
        assert_eq!(fakes.sink.writes(), 9, "and once more when it has something to give");
    };
    engine.run(hours).await;
}
