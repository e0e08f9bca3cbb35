//! What time is it?

use std::{fmt, time::SystemTime};

/// Wall time. Sleeping is always tokio's, so that a paused runtime moves both.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> SystemTime;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
