//! What a target needs a login for.

use regcred_core::ProviderName;

/// What a target needs a login for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wants {
    /// Registries of Amazon ECR, with the identity that the process has.
    Registries(Registries),
    /// What these entries of `providers:` give; at least one.
    Providers(Vec<ProviderName>),
}

/// Which registries of Amazon ECR a target needs a login for. Formed like them; whether they exist, the provider knows.
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
