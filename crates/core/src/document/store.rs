//! The port to a store of documents.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{Address, Result, SecretBytes};

/// Keeps documents by address, and gives each state of a document a version.
///
/// An implementation guarantees:
/// - Every call is one attempt and ends under its own deadline.
/// - A write or a deletion that is based on an outdated version fails as [`Conflict`](crate::ErrorKind::Conflict) and
///   changes nothing.
/// - A write is visible as a whole or not at all, even if its future is dropped.
/// - An address that the store cannot hold fails as [`Invalid`](crate::ErrorKind::Invalid).
/// - No content of a document appears in errors, in `Debug` or in logs below the call.
#[async_trait]
pub trait DocumentStore: fmt::Debug + Send + Sync + 'static {
    /// The version of a document in this store, such as an `ETag` or a generation. Two states have different versions.
    type Version: Send + Sync + 'static;

    /// Returns the document. `None`: there is none. Fails as [`Gone`](crate::ErrorKind::Gone) if the place for it does
    /// not exist, or as [`Invalid`](crate::ErrorKind::Invalid) if only a person creates such places.
    async fn load(&self, address: &Address) -> Result<Option<Document<Self::Version>>>;

    /// Creates the document if `expected` is `None`. Otherwise replaces the state that has this version.
    async fn store(&self, address: &Address, content: SecretBytes, expected: Option<&Self::Version>) -> Result<()>;

    /// Deletes the state that has this version.
    async fn delete(&self, address: &Address, expected: &Self::Version) -> Result<()>;
}

/// A loaded document. `Debug` shows no content.
#[derive(Debug)]
pub struct Document<V> {
    /// The bytes.
    pub content: SecretBytes,
    /// The version of the loaded state.
    pub version: V,
}

impl<V> Document<V> {
    /// Creates a document.
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
