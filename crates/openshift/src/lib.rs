#![doc = include_str!("../README.md")]

mod account;
mod adopt;
mod bulk;
mod check;
mod cluster;
pub mod discover;
mod error;
mod follow;
mod form;
mod hub;
mod kubeconfig;
mod lease;
pub mod leftover;
mod link;
mod look;
mod merge;
mod metadata;
mod namespace;
mod notice;
mod own;
mod pages;
#[cfg(test)]
mod properties;
mod record;
mod refusal;
mod retry_after;
mod rights;
mod secret;
mod sink;
mod source;
mod store;
mod untouched;
mod watched;
mod watches;

pub use bulk::BulkReads;
pub use check::{Greeting, Policies, Presence, Right};
pub use cluster::{Cluster, Connection};
pub use form::LoginFormat;
pub use lease::Lease;
pub use link::Link;
pub use notice::Notice;
pub use sink::{Foreign, OpenShiftSink, OpenShiftSinkBuilder};
pub use source::{NamespaceList, NamespaceSource};
pub use watched::WatchedSource;
pub use watches::Watches;
