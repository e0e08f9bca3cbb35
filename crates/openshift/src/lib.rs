#![doc = include_str!("../README.md")]

mod account;
mod adopt;
mod cache;
mod call;
pub mod check;
mod client;
mod cluster;
pub mod codes;
mod copied;
mod decode;
mod error;
pub mod event_record;
mod fields;
pub mod inspect;
pub mod installed;
#[cfg(feature = "plan")]
mod kind;
mod lease;
pub mod leftover;
mod link;
mod managed_fields;
mod merge;
mod namespace;
mod owned;
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
mod settings;
mod shared_watch;
mod sink;
mod snapshot;
mod source;
mod store;
mod stream;
mod subscriber;
mod template;
mod unreachable;
mod unread;
mod watch;
mod watches;
mod writer;

pub use cache::Cache;
pub use check::{Policies, Right, ServerInfo};
pub use client::{Connection, check_server};
pub use cluster::Cluster;
pub use copied::SecretProvider;
pub use event_record::EventRecord;
pub use installed::{Installed, InstalledKind};
#[cfg(feature = "plan")]
pub use kind::{Clusters, OpenShiftOptions, OpenShiftType, SecretOptions, SecretType, listed};
pub use lease::Lease;
pub use link::Link;
pub use rights::Presence;
pub use settings::Foreign;
pub use sink::{OpenShiftSink, OpenShiftSinkBuilder};
pub use source::{NamespaceList, NamespaceSource};
pub use template::LoginFormat;
pub use watches::{WatchedObjects, WatchedSource, Watches};
