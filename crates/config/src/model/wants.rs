//! The logins that a target gets.

use regcred_core::ProviderName;

use crate::Spec;

/// The logins that a target gets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wants {
    /// Those that a type of provider understands by keys of the entry itself, such as a region. The type checks them.
    Inline(Spec),
    /// The logins of these entries of `providers:`, at least one.
    Providers(Vec<ProviderName>),
}
