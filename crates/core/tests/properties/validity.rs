//! When a credential is renewed, for every life and every schedule.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use regcred_core::{ErrorKind, Schedule, Validity};

const YEAR: u64 = 365 * 24 * 3600;
const SKEW: Duration = Duration::from_mins(5);
const NEVER: &Schedule = &|_| None;
/// The tolerance for parts of a life, which are floating-point numbers. Their error over ten years is much smaller.
const ROUNDING: Duration = Duration::from_micros(1);

/// A schedule that runs at `phase` and every `period` seconds after it, until `last` if it is set.
#[derive(Clone, Copy, Debug)]
struct Runs {
    phase: u64,
    period: u64,
    last: Option<u64>,
}

impl Runs {
    fn after(self, time: SystemTime) -> Option<SystemTime> {
        let second = since_epoch(time).as_secs();
        let gone = second.checked_sub(self.phase).map_or(0, |past| past / self.period + 1);
        let next = self.phase + gone * self.period;
        self.last.is_none_or(|last| next <= last).then(|| at(next))
    }

    fn schedule(self) -> Box<Schedule> {
        Box::new(move |time| self.after(time))
    }
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).expect("no test is older than 1970")
}

fn validity(issued: u64, life: Option<u64>) -> Validity {
    Validity::new(at(issued), life.map(|life| at(issued + life))).expect("it has a life")
}

/// Returns the time at which this percentage of the life is over.
fn part(of: &Validity, percent: u32) -> SystemTime {
    let life = of.expires_at().expect("it ends").duration_since(of.issued_at()).expect("later");
    of.issued_at() + life * percent / 100
}

fn issued() -> impl Strategy<Value = u64> {
    0..230 * YEAR
}

/// Generates lives from two seconds to ten years, in every order of magnitude.
fn life() -> impl Strategy<Value = u64> {
    prop_oneof![2..60_u64, 60..3600_u64, 3600..48 * 3600_u64, 48 * 3600..=10 * YEAR]
}

fn runs() -> impl Strategy<Value = Runs> {
    let period = prop_oneof![1..300_u64, 300..24 * 3600_u64, 24 * 3600..=YEAR];
    let runs = (period, any::<u64>(), prop::option::weighted(0.2, issued()));
    runs.prop_map(|(period, phase, last)| Runs { phase: phase % period, period, last })
}

/// Generates a time close to one that matters, or any time.
fn moment(validity: Validity, runs: Runs) -> impl Strategy<Value = SystemTime> {
    let due = validity.renew_at(&runs.schedule());
    let ends = [Some(validity.issued_at()), Some(validity.issued_at() - SKEW), due, validity.expires_at()];
    let near = (prop::sample::select(ends.into_iter().flatten().collect::<Vec<_>>()), -2_i64..=2, any::<bool>());
    let near = near.prop_map(|(time, steps, small)| {
        let step = Duration::from_nanos(if small { 1 } else { 1_000_000_000 }) * u32::try_from(steps.abs()).expect("2");
        if steps < 0 { time - step } else { time + step }
    });
    prop_oneof![4 => near, 1 => issued().prop_map(at)]
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn a_credential_is_refreshed_between_10_and_55_percent_of_its_life(issued in issued(), life in life(), runs in runs()) {
        let validity = validity(issued, Some(life));
        let plain = validity.renew_at(NEVER).expect("it ends");
        prop_assert!(part(&validity, 50) <= plain + ROUNDING && plain <= part(&validity, 55) + ROUNDING, "{:?}", plain);
        let due = validity.renew_at(&runs.schedule()).expect("it ends");
        prop_assert!(due <= plain, "a schedule makes it no later");
        prop_assert!(part(&validity, 10) <= due + ROUNDING && validity.is_usable(due), "{:?}", due);
    }

    #[test]
    fn no_scheduled_run_after_a_tenth_of_the_life_is_skipped(issued in issued(), life in life(), runs in runs()) {
        let validity = validity(issued, Some(life));
        let due = validity.renew_at(&runs.schedule()).expect("it ends");
        let first = runs.after(part(&validity, 10) + ROUNDING);
        prop_assert!(first.is_none_or(|first| due <= first), "{:?} is after {:?}", due, first);
        let is_run = runs.after(due - Duration::from_nanos(1)) == Some(due);
        prop_assert!(is_run || Some(due) == validity.renew_at(NEVER), "{:?} is neither a run nor the plan", due);
    }

    #[test]
    fn fractions_of_a_second_do_not_change_the_refresh_time(
        issued in issued(),
        life in life(),
        runs in runs(),
        fractions in prop::array::uniform2(0..1_000_000_000_u64),
    ) {
        let [ours, theirs] = fractions.map(Duration::from_nanos);
        let written = validity(issued, Some(life));
        let exact = Validity::new(at(issued) + ours, Some(at(issued + life) + theirs)).expect("it has a life");
        prop_assert_eq!(exact, written);
                prop_assert_eq!(exact.renew_at(&runs.schedule()), written.renew_at(&runs.schedule()));
    }

    #[test]
    fn a_credential_is_fresh_from_its_issue_until_its_refresh(
        (validity, runs, now) in (issued(), prop::option::weighted(0.8, life()), runs()).prop_flat_map(
            |(issued, life, runs)| {
                let validity = validity(issued, life);
                (Just(validity), Just(runs), moment(validity, runs))
            },
        ),
    ) {
        let renewal = validity.renew_at(&runs.schedule());
        let fresh = validity.is_fresh(now, &runs.schedule());
        let expected = renewal.is_none_or(|renewal| now < renewal) && validity.issued_at() - SKEW <= now;
        prop_assert_eq!(fresh, expected);
        prop_assert!(validity.is_usable(now) || !fresh, "it has ended");
        prop_assert_eq!(validity.is_usable(now), validity.expires_at().is_none_or(|end| now < end));
    }

    #[test]
    fn a_credential_without_expiry_is_refreshed_at_the_first_scheduled_run(
        issued in issued(),
        runs in runs(),
        now in issued(),
    ) {
        let endless = validity(issued, None);
        let expected = runs.after(at(issued));
        prop_assert_eq!(endless.renew_at(NEVER), None);
        prop_assert!(endless.is_usable(at(now)));
        prop_assert_eq!(endless.renew_at(&runs.schedule()), expected);
    }

    #[test]
    fn an_expiry_must_be_at_least_a_second_after_the_issue(issued in issued(), end in issued(), life in 0..3_u64) {
        for end in [end, issued + life, issued.saturating_sub(life)] {
            match Validity::new(at(issued), Some(at(end))) {
                Ok(_) => prop_assert!(end > issued),
                Err(error) => prop_assert!(end <= issued && error.kind() == ErrorKind::Malformed),
            }
        }
    }

    #[test]
    fn outlives_is_a_strict_order(all in prop::array::uniform3((0..4_u64, prop::option::of(1..4_u64)))) {
        let all @ [a, b, c] = all.map(|(issued, life)| validity(issued, life));
        let end = |it: &Validity| it.expires_at().map_or(Duration::MAX, since_epoch);
        for it in &all {
            prop_assert!(!it.outlives(it));
        }
        prop_assert!(!(a.outlives(&b) && b.outlives(&a)));
        prop_assert!(!(a.outlives(&b) && b.outlives(&c)) || a.outlives(&c));
        prop_assert_eq!(a.outlives(&b), end(&a) > end(&b));
    }
}
