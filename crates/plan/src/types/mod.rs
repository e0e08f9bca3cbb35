//! The types of providers and sinks that a config can name.

mod erased;
pub(crate) mod identity;
pub(crate) mod planned;
pub(crate) mod provider;
pub(crate) mod registry;
pub(crate) mod sink;
pub(crate) mod verifier;
