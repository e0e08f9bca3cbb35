//! The work queue: the order of the targets, their timers, and the pauses after failures.

pub(crate) mod backoff;
mod fair;
mod pace;
mod queue;
mod queues;
mod timer_queue;
mod timers;

pub(crate) use queue::Load;
pub(crate) use queues::WorkQueues;
pub(crate) use timers::{RECHECK, Timers};
