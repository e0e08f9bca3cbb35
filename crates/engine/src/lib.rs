#![doc = include_str!("../README.md")]

mod backoff;
mod contest;
mod context;
mod decide;
mod drive;
mod due;
mod engine;
mod event;
mod fair;
mod lane;
mod minter;
mod prune;
mod reconcile;
mod report;
mod sources;

pub use context::Context;
pub use decide::{Step, decide};
pub use engine::{Builder, Engine, Pass, Route};
pub use event::Event;
pub use minter::{Handed, Minter};
pub use prune::Prune;
pub use report::{Failure, Outcome, Report, State};
