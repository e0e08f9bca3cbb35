#![doc = include_str!("../README.md")]

mod bulk;
mod cluster;
mod error;
mod link;
mod look;
mod metadata;
mod record;
mod secret;
mod sink;
mod store;

pub use cluster::{Cluster, Connection};
pub use link::Link;
pub use sink::{OpenShiftSink, OpenShiftSinkBuilder};
