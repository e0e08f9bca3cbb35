//! The content of a config, as types.

pub(crate) mod access;
pub(crate) mod content;
pub(crate) mod file;
pub(crate) mod merged;
pub(crate) mod namespaces;
#[cfg(feature = "schema")]
pub(crate) mod schema;
pub(crate) mod secret;
#[cfg(feature = "schema")]
mod shape;
pub(crate) mod spec;
pub(crate) mod target;
pub(crate) mod verify;
pub(crate) mod wants;
pub(crate) mod watch;
