//! Copies logins from a Secret that another program or a person keeps.

mod allow;
mod document;
mod provider;

pub use provider::SecretProvider;
