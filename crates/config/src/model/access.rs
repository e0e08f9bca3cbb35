//! The purpose of logins.

use serde::Deserialize;

/// The purpose of the logins of a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Logins that only pull.
    #[default]
    Pull,
    /// Logins that also push.
    Push,
}
