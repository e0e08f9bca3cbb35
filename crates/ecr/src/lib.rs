#![doc = include_str!("../README.md")]

mod administrator;
mod arn;
pub mod codes;
mod environment;
mod error;
mod failure;
mod host;
mod identity;
mod instance;
mod keys;
#[cfg(feature = "plan")]
mod kind;
mod line;
mod names;
pub mod password;
mod process;
mod profile;
mod profiles;
#[cfg(test)]
mod properties;
mod provider;
mod quiet;
mod service;
mod settings;
mod sources;
mod tenant;
mod token;
mod token_file;
mod transport;

pub use arn::shown_principal;
pub use environment::Environment;
pub use host::{AccountId, Alias, PUBLIC_HOSTS, Region, RegistryHost};
pub use identity::{Identity, Role};
#[cfg(feature = "plan")]
pub use kind::{Account, AliasName, EcrOptions, EcrType, IdentityName, RoleArn, WebIdentity};
pub use provider::{EcrProvider, EcrProviderBuilder};
pub use transport::Transport;
