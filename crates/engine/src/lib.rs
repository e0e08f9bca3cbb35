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
mod pass;
mod prune;
mod reconcile;
mod report;
mod route;
mod shared;
mod sources;

pub use context::Context;
pub use decide::{Step, decide};
pub use engine::{Builder, Engine};
pub use event::Event;
pub use minter::{Handed, Minter};
pub use pass::Pass;
pub use prune::Prune;
pub use report::{Failure, Outcome, Report, State};
pub use route::Route;
