//! The cache of a cluster. Watches, reads and writes feed it, and the sink reads it.
//!
//! Nothing in here holds the data of a Secret. A stale answer is safe, because each write carries the uid and the version that it was
//! decided on.

mod cluster;
mod listed;
mod states;
mod targets;

pub use self::cluster::Cache;
pub(crate) use self::targets::Targets;
