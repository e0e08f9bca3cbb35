//! The cache of a cluster. Watches, reads and writes update it, and the sink reads it.
//!
//! The cache never holds the data of a Secret. A stale answer is safe, because each write carries the uid and the
//! version that its decision was based on.

mod cluster;
mod listed;
mod states;
mod targets;

pub use self::cluster::Cache;
pub(crate) use self::targets::Targets;
