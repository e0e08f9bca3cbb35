#![doc = include_str!("../README.md")]

pub mod cli;

/// The types that a config can name, for [`cli::main`].
pub use regcred::Types;
