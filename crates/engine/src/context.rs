//! The clock, the schedule and the callback for events, for every step.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use regcred_core::{Clock, Schedule};
use tracing::warn;

use crate::Event;

/// The clock, the schedule that adds renewals, and the callback for events.
#[derive(Clone)]
pub struct Context {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) schedule: Arc<Schedule>,
    pub(crate) on_event: Arc<dyn Fn(&Event<'_>) + Send + Sync>,
}

impl Context {
    /// Creates a context without a schedule and without a callback.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, schedule: Arc::new(|_| None), on_event: Arc::new(|_| ()) }
    }

    /// Adds scheduled renewals to those that follow from each credential's life.
    #[must_use]
    pub fn with_schedule(self, schedule: Arc<Schedule>) -> Self {
        Self { schedule, ..self }
    }

    /// Sets the callback for events. It runs on the engine's tasks and must not block.
    #[must_use]
    pub fn with_on_event(self, on_event: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        Self { on_event: Arc::new(on_event), ..self }
    }

    /// Emits an event. A panic of the callback is logged and does not affect the engine.
    pub(crate) fn emit(&self, event: &Event<'_>) {
        if catch_unwind(AssertUnwindSafe(|| (self.on_event)(event))).is_err() {
            warn!("caught panic in event callback");
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("clock", &self.clock).finish_non_exhaustive()
    }
}
