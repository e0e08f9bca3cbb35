//! Merges files, environment and command line into one map.

mod environment;
pub(crate) mod layers;
