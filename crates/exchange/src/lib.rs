#![doc = include_str!("../README.md")]

mod anchor;
pub mod codes;
mod exchange;
mod expiry;
mod grant;
mod hop;
mod jwt;
#[cfg(feature = "plan")]
mod kind;
mod option;
mod presets;
mod proof;
mod provider;
mod refusal;

pub use exchange::Exchange;
pub use jwt::expires_at as jwt_expires_at;
#[cfg(feature = "plan")]
pub use kind::ExchangeType;
pub use option::OptionError;
pub use presets::{Azure, AzureCloud, BodyFormat, Expiry, Google, IdentityName, Jfrog, Oidc, Preset, Quay};
pub use provider::{ExchangeProvider, ExchangeProviderBuilder};
