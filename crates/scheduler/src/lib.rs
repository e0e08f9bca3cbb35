#![doc = include_str!("../README.md")]

pub mod cli;
mod codes;

/// The types that a config can name, for [`cli::main`].
pub use regcred::Types;
