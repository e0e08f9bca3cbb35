//! The port to the format of a document.

use std::fmt;

use crate::{Result, SecretBytes, document::Contents};

/// Reads and writes the logins of regcred in documents of one format. Pure.
///
/// `read` returns the entries that `write` wrote, without drift. The same contents twice give the same bytes. The entries of another
/// program stay, byte for byte if the format allows that.
pub trait DocumentFormat: fmt::Debug + Send + Sync + 'static {
    /// Returns what regcred keeps in a document; `None` if the document is not regcred's. [`Malformed`](crate::ErrorKind::Malformed) if the
    /// bytes are not of this format. The error does not quote them.
    fn read(&self, document: &[u8]) -> Result<Option<Contents>>;

    /// Returns the document with these contents. `before` is the document that it replaces, if there is one.
    fn write(&self, before: Option<&[u8]>, contents: &Contents) -> Result<SecretBytes>;

    /// Returns the document without all that is regcred's; `None` if nothing else is in it.
    fn remove(&self, document: &[u8]) -> Result<Option<SecretBytes>>;
}
