#![doc = include_str!("../README.md")]

mod arn;
mod error;
mod host;
mod identity;
pub mod password;
#[cfg(test)]
mod properties;
mod provider;
mod quiet;
mod settings;
mod shared_files;
mod token;
mod transport;

pub use host::{AccountId, Alias, PUBLIC_HOSTS, Region, RegistryHost};
pub use identity::{Identity, Role};
pub use provider::{EcrProvider, EcrProviderBuilder};
pub use transport::Transport;
