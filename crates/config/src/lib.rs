#![doc = include_str!("../README.md")]

mod config;
mod digest;
mod ecr;
mod lines;
mod load;
mod nearest;
mod problem;
mod schedule;
mod secret;
mod spec;
mod target;
mod yaml;

pub use config::{Config, Origin, Registries, TargetEntry, Wants};
pub use digest::digest;
pub use ecr::{Account, AliasName, EcrOptions, IdentityName, WebIdentity};
pub use load::{Layers, Overrides};
pub use problem::{Problem, Problems};
pub use schedule::Schedule;
pub use secret::{AccountLink, LinkName, SecretSettings};
pub use spec::Spec;
