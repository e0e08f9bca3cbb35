#![doc = include_str!("../README.md")]

mod config;
mod lines;
mod load;
mod problem;
mod schedule;
mod target;
mod yaml;

pub use config::{Config, Origin, Registries, TargetEntry};
pub use load::{Layers, Overrides};
pub use problem::{Problem, Problems};
pub use schedule::Schedule;
