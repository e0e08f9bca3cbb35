//! A test clock that follows tokio's time.

use std::{
    sync::Mutex,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use crate::Clock;

/// Wall time that starts at a fixed date and follows tokio's time. Tests can also step it on its own.
///
/// Create it inside a runtime with `start_paused`. Then `tokio::time::sleep` and `advance` move both.
#[derive(Debug)]
pub struct TestClock {
    start: Instant,
    base: Mutex<SystemTime>,
}

impl TestClock {
    /// Creates a clock that starts at 2015-08-19T16:00:00Z.
    #[expect(clippy::new_without_default, reason = "it reads tokio's clock, which is not there outside a runtime")]
    pub fn new() -> Self {
        Self { start: Instant::now(), base: Mutex::new(SystemTime::UNIX_EPOCH + Duration::from_hours(400_000)) }
    }

    /// Sets the wall clock ahead. Does not move tokio's time.
    ///
    /// # Panics
    ///
    /// If a panic happened in another call.
    pub fn step(&self, by: Duration) {
        *self.base.lock().expect("no call panics") += by;
    }

    /// Sets the wall clock back. Does not move tokio's time.
    ///
    /// # Panics
    ///
    /// If a panic happened in another call.
    pub fn step_back(&self, by: Duration) {
        *self.base.lock().expect("no call panics") -= by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        *self.base.lock().expect("no call panics") + self.start.elapsed()
    }
}
