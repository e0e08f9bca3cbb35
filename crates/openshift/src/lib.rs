#![doc = include_str!("../README.md")]

mod account;
mod adopt;
mod bulk;
mod cluster;
pub mod discover;
mod error;
mod link;
mod look;
mod merge;
mod metadata;
mod own;
#[cfg(test)]
mod properties;
mod record;
mod refusal;
mod retry_after;
mod rights;
mod secret;
mod sink;
mod store;

pub use cluster::{Cluster, Connection};
pub use link::Link;
pub use sink::{Foreign, OpenShiftSink, OpenShiftSinkBuilder};
