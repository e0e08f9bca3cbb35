//! The pace of due targets.

use std::time::Duration;

use tokio::time::Instant;

/// The longest time between two due targets, and the time without a request for a pause after which the full pace
/// returns.
const SLOWEST: Duration = Duration::from_secs(1);
const PEACE: Duration = Duration::from_mins(1);

/// The time between two due targets.
#[derive(Debug)]
pub(crate) struct Pace {
    /// The time while no store asks for a pause. `None`: no limit.
    fastest: Option<Duration>,
    spread: Option<Duration>,
    /// When the next due target may be reconciled.
    next: Instant,
    throttled: Option<Instant>,
}

impl Pace {
    /// Creates a pace with this time between two targets. `None`: no limit.
    pub(crate) fn new(spread: Option<Duration>) -> Self {
        Self { fastest: spread, spread, next: Instant::now(), throttled: None }
    }

    /// Returns when the next due target may be reconciled.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Records that a due target is reconciled now.
    pub(crate) fn advance(&mut self) {
        if let Some(spread) = self.spread {
            self.next = Instant::now() + spread;
        }
    }

    /// Records whether a store asked for a pause. Each request halves the pace. The full pace returns after a minute
    /// without a request.
    pub(crate) fn note(&mut self, is_throttled: bool) {
        if is_throttled {
            self.throttled = Some(Instant::now());
            self.spread = self.spread.map(|spread| (spread * 2).min(SLOWEST));
        } else if self.throttled.is_some_and(|at| at.elapsed() >= PEACE) {
            self.throttled = None;
            self.spread = self.fastest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(pace: &mut Pace) -> Duration {
        pace.advance();
        pace.next().duration_since(Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn each_throttled_call_halves_the_pace_until_a_minute_passes_without_one() {
        let fastest = Duration::from_millis(300);
        let mut pace = Pace::new(Some(fastest));
        for milliseconds in [300, 600, 1000, 1000] {
            assert_eq!(gap(&mut pace), Duration::from_millis(milliseconds));
            pace.note(true);
        }
        tokio::time::advance(PEACE.checked_sub(Duration::from_millis(1)).expect("longer")).await;
        pace.note(false);
        assert_eq!(gap(&mut pace), SLOWEST);
        tokio::time::advance(Duration::from_millis(1)).await;
        pace.note(false);
        assert_eq!(gap(&mut pace), fastest);
    }
}
