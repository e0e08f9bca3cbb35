#![doc = include_str!("../README.md")]

pub mod codes;
mod contest;
mod context;
mod decide;
mod engine;
mod event;
mod forced;
mod keyring;
mod minter;
mod pass;
mod provider_changes;
mod prune;
mod reconcile;
mod recorder;
mod report;
mod route;
mod run_loop;
mod shared;
mod sources;
mod workers;
mod workqueue;

pub use context::Context;
pub use decide::{Step, decide};
pub use engine::{Builder, Engine};
pub use event::Event;
pub use keyring::{Keyring, KeyringBuilder, MatchedLogin};
pub use minter::{Handed, Minter};
pub use pass::Pass;
pub use prune::Prune;
pub use report::{Failure, Outcome, Report, State};
pub use route::Route;
