#![doc = include_str!("../README.md")]

pub mod cli;
#[cfg(doc)]
pub mod guide;

/// The types that a config can name, for [`cli::main`].
pub use regcred::Types;
