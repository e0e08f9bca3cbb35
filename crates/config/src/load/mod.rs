//! From files, environment and command line to one map.

mod environment;
pub(crate) mod layers;
