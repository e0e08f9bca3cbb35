//! Sinks that keep each target as one document: a file, an object of a bucket, a secret of a secret manager.
//!
//! A [`DocumentStore`] loads and stores bytes. A [`DocumentFormat`] reads and writes logins in them. A [`DocumentSink`]
//! combines both into a full [`SecretSink`](crate::SecretSink).

mod contents;
mod format;
mod sink;
mod store;

pub use contents::{Contents, Entry};
pub use format::DocumentFormat;
pub use sink::DocumentSink;
pub use store::{Document, DocumentStore};
