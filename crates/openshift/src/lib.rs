#![doc = include_str!("../README.md")]

mod account;
mod address;
mod adopt;
mod cache;
mod call;
pub mod check;
mod client;
mod cluster;
mod decode;
mod error;
mod fields;
mod form;
mod hidden;
mod hub;
pub mod inspect;
pub mod installed;
#[cfg(feature = "plan")]
mod kind;
mod lease;
pub mod leftover;
mod link;
mod look;
mod managed_fields;
mod merge;
mod namespace;
pub mod notice;
mod own;
mod ownership;
mod pages;
#[cfg(test)]
mod properties;
mod record;
mod refusal;
mod resync;
mod retry_after;
mod rights;
mod secret;
mod sink;
mod source;
mod store;
mod stream;
mod subscriber;
mod unreachable;
mod watch;
mod watches;
mod writer;

pub use cache::Cache;
pub use check::{Greeting, Policies, Presence, Right};
pub use client::{Connection, check_server};
pub use cluster::Cluster;
pub use form::LoginFormat;
pub use installed::{Installed, InstalledKind};
#[cfg(feature = "plan")]
pub use kind::{Clusters, OpenShiftType, listed};
pub use lease::Lease;
pub use link::Link;
pub use notice::Notice;
pub use sink::{OpenShiftSink, OpenShiftSinkBuilder};
pub use source::{NamespaceList, NamespaceSource};
pub use watches::{NamedSource, WatchedSource, Watches};
pub use writer::Foreign;
