//! The port to a document format.

use std::fmt;

use crate::{Result, SecretBytes, document::Contents};

/// Reads and writes the logins of regcred in documents of one format, as pure functions.
///
/// `read` returns the entries that `write` wrote, without drift. The same contents always give the same bytes. Entries
/// of another program stay, byte for byte if the format allows it.
pub trait DocumentFormat: fmt::Debug + Send + Sync + 'static {
    /// Returns the contents that regcred keeps in a document. `None`: the document does not belong to regcred. Returns
    /// [`Malformed`](crate::ErrorKind::Malformed) if the bytes are not of this format. The error does not quote them.
    fn read(&self, document: &[u8]) -> Result<Option<Contents>>;

    /// Returns the document with these contents. `before` is the document that it replaces. `None`: there is none.
    fn write(&self, before: Option<&[u8]>, contents: &Contents) -> Result<SecretBytes>;

    /// Returns the document without the content of regcred. `None`: nothing else is in it.
    fn remove(&self, document: &[u8]) -> Result<Option<SecretBytes>>;
}
