//! Where documents are kept.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{Address, Result, SecretBytes};

/// Keeps documents by their addresses, and gives each state of a document a version.
///
/// An implementation guarantees:
/// - Every call ends under its own deadline and is one attempt.
/// - A write or a deletion that is based on an outdated version fails as [`Conflict`](crate::ErrorKind::Conflict) and changes nothing.
/// - A write is visible as a whole or not at all, also if its future is dropped.
/// - An address that the store cannot have is [`Invalid`](crate::ErrorKind::Invalid).
/// - No content of a document appears in errors, in `Debug` or in logs below the call.
#[async_trait]
pub trait DocumentStore: fmt::Debug + Send + Sync + 'static {
    /// The version of a document in this store, such as an `ETag` or a generation. Two states have different versions.
    type Version: Send + Sync + 'static;

    /// Returns the document; `None` if there is none. [`Gone`](crate::ErrorKind::Gone): the place for it does not exist.
    async fn load(&self, address: &Address) -> Result<Option<Document<Self::Version>>>;

    /// Creates the document if `expected` is `None`, or replaces the state that has this version.
    async fn store(&self, address: &Address, content: SecretBytes, expected: Option<&Self::Version>) -> Result<()>;

    /// Deletes the state that has this version.
    async fn delete(&self, address: &Address, expected: &Self::Version) -> Result<()>;
}

/// A document as it was loaded. `Debug` shows no content.
#[derive(Debug)]
pub struct Document<V> {
    /// The bytes.
    pub content: SecretBytes,
    /// The state of the document.
    pub version: V,
}

impl<V> Document<V> {
    /// Makes one.
    pub fn new(content: impl Into<Vec<u8>>, version: V) -> Self {
        Self { content: content.into().into(), version }
    }
}

#[async_trait]
impl<S: DocumentStore> DocumentStore for Arc<S> {
    type Version = S::Version;

    async fn load(&self, address: &Address) -> Result<Option<Document<Self::Version>>> {
        (**self).load(address).await
    }

    async fn store(&self, address: &Address, content: SecretBytes, expected: Option<&Self::Version>) -> Result<()> {
        (**self).store(address, content, expected).await
    }

    async fn delete(&self, address: &Address, expected: &Self::Version) -> Result<()> {
        (**self).delete(address, expected).await
    }
}
