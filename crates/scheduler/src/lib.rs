#![doc = include_str!("../README.md")]

#[cfg(all(feature = "ecr", feature = "openshift"))]
mod broken;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(all(feature = "ecr", feature = "openshift"))]
mod group;
#[cfg(doc)]
pub mod guide;
#[cfg(all(feature = "ecr", feature = "openshift"))]
mod plan;
#[cfg(all(feature = "ecr", feature = "openshift"))]
mod provider;
#[cfg(all(feature = "ecr", feature = "openshift"))]
mod resolve;
#[cfg(all(feature = "ecr", feature = "openshift"))]
mod types;
#[cfg(all(feature = "ecr", feature = "openshift"))]
pub mod wire;

#[cfg(all(feature = "ecr", feature = "openshift"))]
pub use types::{Choice, Kept, SinkEntry, Types};

pub use regcred_config as config;
pub use regcred_core as core;
#[cfg(feature = "ecr")]
pub use regcred_ecr as ecr;
pub use regcred_engine as engine;
#[cfg(feature = "openshift")]
pub use regcred_openshift as openshift;
