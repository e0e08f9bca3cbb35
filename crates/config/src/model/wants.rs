//! The logins that a target gets.

use regcred_core::ProviderName;

use crate::Spec;

/// The logins that a target gets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wants {
    /// Keys of the entry itself that a type of provider understands, such as a region. The type checks them.
    Inline(Spec),
    /// The logins of these entries of `providers:`, at least one.
    Providers(Vec<ProviderName>),
}
