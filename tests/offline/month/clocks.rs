//! Clock changes, suspended machines, and days of 23 and 25 hours.

use std::time::{Duration, SystemTime};

use jiff::{Timestamp, tz::TimeZone};
use regcred_core::{Clock, testing::TestClock};
use tokio::time::sleep;

use super::ledger::Ledger;
use crate::simulated::{DAY, HOUR, World};

const MINUTE: Duration = Duration::from_mins(1);

/// A function that changes a clock.
type Step = fn(&TestClock, Duration);

/// Case 10: the wall clock jumps six hours back or ahead, and later jumps back to the right time.
///
/// regcred checks due times again within five minutes and ignores dates from the future. The SDK signs with the time of
/// AWS. Nothing expires.
#[tokio::test(start_paused = true)]
async fn a_temporary_clock_error_of_six_hours_expires_nothing_and_costs_few_mints() {
    let world = World::new(4);
    let mut ledger = Ledger::begin(&world);
    let days = async {
        for count in 0..6 {
            sleep(HOUR).await;
            ledger.pass(5 * HOUR + count * HOUR, 2 * HOUR).await; // jumps happen at every phase of a credential's life
            let (wrong, right): (Step, Step) = if count % 2 == 0 {
                (TestClock::step, TestClock::step_back)
            } else {
                (TestClock::step_back, TestClock::step)
            };
            wrong(&world.machine, 6 * HOUR);
            ledger.pass(3 * HOUR, 2 * HOUR).await;
            right(&world.machine, 6 * HOUR);
            ledger.pass(10 * MINUTE, 2 * HOUR).await;
        }
    };
    let report = world.daemon("").await.run(days).await;
    assert_eq!((report.exit_code(), report.targets.len()), (0, 7));
    let mints = ledger.mints();
    // With a clock that is behind, each token seems to live too long. regcred mints again, with pauses.
    assert!(mints.values().all(|count| *count < 6 * 24 / 6 + 3 * 100), "{mints:?}");
}

#[tokio::test(start_paused = true)]
async fn a_machine_has_fresh_secrets_five_minutes_after_it_wakes_up() {
    let world = World::new(4);
    let mut ledger = Ledger::begin(&world);
    let days = async {
        sleep(HOUR).await;
        for count in 0..8 {
            let asleep = HOUR * (count * 3 + 1);
            for clock in [&world.machine, &world.truth] {
                clock.step(asleep);
            }
            sleep(6 * MINUTE).await;
            ledger.pass(8 * HOUR + count * 37 * MINUTE, 5 * HOUR).await;
        }
    };
    let report = world.daemon("").await.run(days).await;
    assert_eq!((report.exit_code(), report.targets.len()), (0, 7));
    let mints = ledger.mints();
    assert!(mints.values().all(|count| (8..=24).contains(count)), "{mints:?}");
}

#[tokio::test(start_paused = true)]
async fn a_schedule_in_a_time_zone_survives_daylight_saving_changes() {
    for start in ["2026-03-14T12:00:00Z", "2026-10-10T12:00:00Z"] {
        let world = World::new(0);
        let start = SystemTime::from(start.parse::<Timestamp>().expect("a moment"));
        let ahead = start.duration_since(world.truth.now()).expect("it lies ahead");
        world.machine.step(ahead);
        world.truth.step(ahead);
        let mut ledger = Ledger::begin(&world);
        // 02:17 does not exist on the last Sunday of March, and exists twice on the last Sunday of October.
        let daemon = world.daemon_of_few("schedule: 17 2-22/4 * * *\ntime_zone: Europe/Berlin").await;
        daemon.run(ledger.pass(30 * DAY, 5 * HOUR)).await;
        let zone = TimeZone::get("Europe/Berlin").expect("known");
        let is_scheduled = |at: &SystemTime| {
            let at = Timestamp::try_from(*at).expect("in range").to_zoned(zone.clone());
            at.hour() % 4 == 2 && at.minute() == 17
        };
        let (mints, others) = ledger.minted().into_iter().partition::<Vec<_>, _>(is_scheduled);
        assert!((178..=180).contains(&mints.len()), "six times a day: {}", mints.len());
        assert!((1..=2).contains(&others.len()), "the first, and one in place of what was left out: {others:?}");
    }
}
