#![doc = include_str!("../README.md")]

mod broken;
mod built_in;
pub mod codes;
mod daemon;
#[cfg(doc)]
pub mod guide;
mod lazy;
mod minters;
#[cfg(feature = "openshift")]
mod prune;
mod regcred;
mod setup;
pub mod wire;

pub use built_in::BuiltIn;
pub use daemon::{handle::Handle, health::Health};
pub use minters::{Minters, Mints};
#[cfg(feature = "openshift")]
pub use prune::Pruning;
pub use regcred::{Regcred, RegcredBuilder};
pub use regcred_core::async_trait;
pub use regcred_engine::Keyring;
pub use regcred_plan::{Plan, ProviderPlan, ProviderType, SinkPlan, SinkType, Types};

pub use prometheus_client;
pub use regcred_config as config;
pub use regcred_core as core;
pub use regcred_dockerconfig as dockerconfig;
#[cfg(feature = "ecr")]
pub use regcred_ecr as ecr;
pub use regcred_engine as engine;
#[cfg(feature = "exchange")]
pub use regcred_exchange as exchange;
#[cfg(feature = "exec")]
pub use regcred_exec as exec;
#[cfg(feature = "file")]
pub use regcred_file as file;
#[cfg(feature = "openshift")]
pub use regcred_openshift as openshift;
pub use regcred_plan as plan;
#[cfg(feature = "verify")]
pub use regcred_verify as verify;
