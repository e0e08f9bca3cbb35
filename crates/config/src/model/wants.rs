//! The registries or providers of a target.

use regcred_core::ProviderName;

/// The registries or providers whose logins a target gets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wants {
    /// Registries of Amazon ECR, with the identity that the process has.
    Registries(Registries),
    /// The logins of these entries of `providers:`, at least one.
    Providers(Vec<ProviderName>),
}

/// The registries of Amazon ECR that a target needs a login for. Only their form is checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Registries {
    /// Those of accounts in a region; without accounts that of the identity which asks.
    Region {
        /// Such as `eu-west-1`.
        region: String,
        /// Twelve digits each, in the order of the file, none twice.
        accounts: Vec<String>,
    },
    /// This one, by its host.
    Host(String),
}
