//! The timers of each target: for a retry after a pause, and for a renewal.

use std::time::{Duration, SystemTime};

use regcred_core::Target;
use tokio::time::Instant;

use super::{pace::Pace, timer_queue::TimerQueue};

/// The longest time between two readings of the wall clock. After a suspension or a clock change, a renewal is late by
/// at most this time.
pub(crate) const RECHECK: Duration = Duration::from_mins(5);

/// The timers of all targets.
#[derive(Debug)]
pub(crate) struct Timers {
    /// In wall time, because renewals depend on dates.
    renewals: TimerQueue<SystemTime>,
    /// In tokio's time, because retries depend on pauses.
    retries: TimerQueue<Instant>,
    /// The pace of renewals. `None`: this is a pass, which waits for no renewal.
    pace: Option<Pace>,
    last_seen: SystemTime,
}

impl Timers {
    /// Creates the timers of a pass, which ends before any of its writes is due.
    pub(crate) fn of_pass(wall: SystemTime) -> Self {
        Self { renewals: TimerQueue::default(), retries: TimerQueue::default(), pace: None, last_seen: wall }
    }

    /// Creates the timers of a run, with this time between two renewals. `None`: no limit.
    pub(crate) fn of_run(wall: SystemTime, spread: Option<Duration>) -> Self {
        Self { pace: Some(Pace::new(spread)), ..Self::of_pass(wall) }
    }

    /// Sets when a target is retried. `None`: never.
    pub(crate) fn set_retry(&mut self, target: &Target, at: Option<Instant>) {
        self.retries.set(target, at);
    }

    /// Sets when a target is renewed. `None`: never.
    pub(crate) fn set_renewal(&mut self, target: &Target, at: Option<SystemTime>) {
        self.renewals.set(target, at);
    }

    /// Stops both timers of a target.
    pub(crate) fn forget(&mut self, target: &Target) {
        self.set_retry(target, None);
        self.set_renewal(target, None);
    }

    /// Returns whether a retry is scheduled.
    pub(crate) fn has_retry(&self) -> bool {
        self.retries.next().is_some()
    }

    /// Returns when the first timer expires.
    pub(crate) fn next(&self, wall: SystemTime) -> Option<Instant> {
        let renewal = self.pace.as_ref().zip(self.renewals.next());
        let renewal = renewal.map(|(pace, at)| {
            let left = at.duration_since(wall).unwrap_or_default();
            (Instant::now() + left).max(pace.next())
        });
        renewal.into_iter().chain(self.retries.next()).min()
    }

    /// Returns a target whose timer has expired: first all retries, then renewals at their pace.
    pub(crate) fn pop(&mut self, wall: SystemTime) -> Option<Target> {
        let now = Instant::now();
        self.retries.pop(now).or_else(|| {
            let pace = self.pace.as_mut().filter(|pace| pace.next() <= now)?;
            let target = self.renewals.pop(wall)?;
            pace.advance();
            Some(target)
        })
    }

    /// Records whether a store asked for a pause, which slows renewals down.
    pub(crate) fn note(&mut self, is_throttled: bool) {
        if let Some(pace) = &mut self.pace {
            pace.note(is_throttled);
        }
    }

    /// Returns whether the wall clock of a run was set back since the last call. Credentials issued before that lie in
    /// the future, so every target must be reconciled.
    pub(crate) fn was_set_back(&mut self, wall: SystemTime) -> bool {
        let last = std::mem::replace(&mut self.last_seen, wall);
        self.pace.is_some() && wall + RECHECK < last
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::testing::target;

    use super::*;

    const WALL: SystemTime = SystemTime::UNIX_EPOCH;

    #[tokio::test(start_paused = true)]
    async fn retries_fire_at_once_and_refreshes_are_spread() {
        let (spread, start) = (Duration::from_secs(1), Instant::now());
        let mut timers = Timers::of_run(WALL, Some(spread));
        for name in ["due-1", "due-2"] {
            timers.set_renewal(&target(name), Some(WALL));
        }
        for name in ["failed-1", "failed-2"] {
            timers.set_retry(&target(name), Some(start));
        }
        let popped = std::iter::from_fn(|| timers.pop(WALL)).collect::<Vec<_>>();
        assert_eq!(popped, ["failed-1", "failed-2", "due-1"].map(target));
        assert_eq!(timers.next(WALL), Some(start + spread));
        tokio::time::advance(spread).await;
        assert_eq!((timers.pop(WALL), timers.next(WALL)), (Some(target("due-2")), None));
    }

    #[tokio::test(start_paused = true)]
    async fn one_pass_waits_only_for_retries() {
        let mut timers = Timers::of_pass(WALL + RECHECK * 2);
        timers.set_renewal(&target("due"), Some(WALL));
        assert_eq!((timers.next(WALL), timers.pop(WALL), timers.has_retry()), (None, None, false));
        assert!(!timers.was_set_back(WALL), "it ends before that matters");
        timers.set_retry(&target("due"), Some(Instant::now()));
        assert_eq!((timers.has_retry(), timers.pop(WALL)), (true, Some(target("due"))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_set_back_by_more_than_five_minutes_is_noticed_once() {
        let mut timers = Timers::of_run(WALL + RECHECK * 2, None);
        assert!(!timers.was_set_back(WALL + RECHECK), "five minutes");
        assert!(!timers.was_set_back(WALL + RECHECK + Duration::from_secs(1)));
        assert!(timers.was_set_back(WALL) && !timers.was_set_back(WALL));
    }
}
