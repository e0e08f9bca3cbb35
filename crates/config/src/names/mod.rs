//! Names, words and patterns, independent of a config.

pub(crate) mod duration;
pub(crate) mod filter;
pub(crate) mod label;
pub(crate) mod nearest;
pub(crate) mod parsed;
pub(crate) mod path;
#[cfg(feature = "schema")]
pub(crate) mod pattern;
pub(crate) mod selector;
pub(crate) mod word;
