#![doc = include_str!("../README.md")]

mod error;
mod guard;
mod host;
mod identity;
mod provider;
mod token;

pub use host::{AccountId, Region, RegistryHost};
pub use provider::{EcrProvider, EcrProviderBuilder};
