//! Reports each target without a complete watch again, once per interval.

use std::{collections::VecDeque, time::Duration};

use tokio::time::{Instant, sleep_until};

/// The targets of the current round that were not reported yet.
pub(crate) struct Resync<T> {
    every: Duration,
    pace: Duration,
    next: Instant,
    waiting: VecDeque<T>,
}

impl<T> Resync<T> {
    /// `every`: the time between two reports of a target. `first`: the time until the first report.
    pub(crate) fn new(every: Duration, first: Duration) -> Self {
        Self { every, pace: every, next: Instant::now() + first, waiting: VecDeque::new() }
    }

    /// Waits until the next report is due.
    pub(crate) async fn tick(&self) {
        sleep_until(self.next).await;
    }

    /// Returns the next target to report. `all`: the targets of a new round, which is spread over the interval.
    pub(crate) fn take(&mut self, all: impl FnOnce() -> Vec<T>) -> Option<T> {
        if self.waiting.is_empty() {
            self.waiting.extend(all());
            self.pace = self.every / u32::try_from(self.waiting.len().max(1)).unwrap_or(u32::MAX);
        }
        self.next = Instant::now() + self.pace;
        self.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn targets_are_spread_over_the_resync_interval() {
        let (minute, began) = (Duration::from_mins(1), Instant::now());
        let mut resync = Resync::new(minute, minute);
        let mut turns = vec![];
        for all in [vec!["a", "b", "c"], vec![], vec![], vec![], vec!["a", "b"], vec![]] {
            resync.tick().await;
            turns.push((resync.take(|| all), began.elapsed().as_secs()));
        }
        let (a, b, c) = (Some("a"), Some("b"), Some("c"));
        assert_eq!(turns, [(a, 60), (b, 80), (c, 100), (None, 120), (a, 180), (b, 210)]);
    }
}
