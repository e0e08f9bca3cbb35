#![doc = include_str!("../README.md")]

mod arn;
mod error;
mod host;
mod identity;
#[cfg(test)]
mod properties;
mod provider;
mod settings;
mod token;
mod transport;

pub use host::{AccountId, Alias, Region, RegistryHost};
pub use identity::{Identity, Role};
pub use provider::{EcrProvider, EcrProviderBuilder};
pub use transport::Transport;
