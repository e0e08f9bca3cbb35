#![doc = include_str!("../README.md")]

mod caller;
mod clock;
mod code;
pub mod codes;
mod credential;
pub mod document;
mod error;
mod file;
mod image;
mod kind;
mod login;
mod name;
mod odd;
mod pattern;
mod provider;
mod proxy;
mod refusal;
mod registry;
mod revision;
mod scope;
mod set;
mod sink;
mod source;
mod target;
#[cfg(feature = "testing")]
pub mod testing;
mod validity;

/// The `#[async_trait]` attribute for implementations of the ports, in the version that declares them.
pub use async_trait::async_trait;
pub use caller::Caller;
pub use clock::{Clock, SystemClock};
pub use code::Code;
pub use credential::RegistryCredential;
pub use error::{Error, Result};
pub use file::{read_file, read_text, read_text_file};
pub use image::ImageName;
pub use kind::ErrorKind;
pub use login::{Login, LoginSecret};
pub use name::{InstanceName, Namespace, ProviderName, RepositoryName, SecretName, StoreName};
pub use odd::odd_character;
pub use pattern::Pattern;
#[cfg(feature = "mock")]
pub use provider::MockRegistryProvider;
pub use provider::RegistryProvider;
pub use proxy::{Proxies, ProxyUrl, user_info};
pub use refusal::Refusal;
pub use registry::Registry;
pub use revision::Revision;
pub use scope::Scope;
/// Secret text, such as a password. It is neither printed nor serialised.
pub use secrecy::{ExposeSecret, SecretString};

pub use set::CredentialSet;
#[cfg(feature = "mock")]
pub use sink::MockSecretSink;
pub use sink::{Applied, Details, Observed, SecretSink, Written};
#[cfg(feature = "mock")]
pub use source::MockTargetSource;
pub use source::{TargetEvent, TargetReceiver, TargetSender, TargetSource};
pub use target::{Address, Target};
pub use validity::{Issuer, Schedule, Validity, earliest_by_provider};

/// Bytes that contain passwords. They are neither printed nor serialised.
pub type SecretBytes = secrecy::SecretSlice<u8>;
