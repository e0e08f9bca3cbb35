//! The options of a vendor, and what all vendors share.

use std::{fmt, path::PathBuf};

use crate::{OptionError, anchor, exchange::Exchange};

/// The options of a vendor, and the exchange that they describe. Only this crate can implement it.
pub trait Preset: Clone + fmt::Debug + Send + Sync + 'static {
    /// The value of `type:` in a config.
    const NAME: &'static str;
    /// The display name of the service.
    const SERVICE: &'static str;
    /// An entry of `providers:` for messages.
    const EXAMPLE: &'static str;

    /// The options that may contain a secret. Outputs do not show them, and no digest contains them.
    const SECRET: &'static [&'static str] = &[];

    /// Returns the exchange, or the first option that cannot be used. It makes no request and reads no file.
    fn exchange(&self) -> Result<Exchange, OptionError>;
}

/// The identity of the machine or the pod, as its metadata server knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "plan", derive(serde::Deserialize, schemars::JsonSchema), serde(rename_all = "lowercase"))]
pub enum IdentityName {
    /// The account that the metadata server gives a token for.
    Instance,
}

/// The grant type of RFC 8693.
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Applies the options that every preset has.
pub(super) fn finish(
    exchange: Exchange,
    endpoint: Option<&str>,
    ca_file: Option<&PathBuf>,
) -> Result<Exchange, OptionError> {
    let exchange = exchange.trusting(ca_file);
    Ok(match endpoint {
        Some(endpoint) => exchange.at(&anchor::endpoint(endpoint)?),
        None => exchange,
    })
}
