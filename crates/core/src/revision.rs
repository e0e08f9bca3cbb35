//! The state that a sink passes from `observe` to `apply`.

use std::{any::Any, fmt, sync::Arc};

/// The state in which a sink observed a target. Only the sink that created it reads it, in its next `apply`. It is
/// opaque to all other code.
///
/// It usually holds the version that the store itself gives to each write, such as an `ETag` or a `resourceVersion`. A
/// write that is based on an outdated version then fails as [`Conflict`](crate::ErrorKind::Conflict) instead of
/// overwriting a change by another writer.
///
/// ```
/// # use regcred_core::Revision;
/// let revision = Revision::new("etag-1".to_owned());
/// assert_eq!(revision.get::<String>().map(String::as_str), Some("etag-1"));
/// assert_eq!(Revision::default().get::<String>(), None);
/// ```
#[derive(Clone, Default)]
pub struct Revision(Option<Arc<dyn Any + Send + Sync>>);

impl Revision {
    /// Creates a revision that holds a value of the sink.
    pub fn new(state: impl Any + Send + Sync) -> Self {
        Self(Some(Arc::new(state)))
    }

    /// Returns the value. `None`: there is none, or it has another type because another sink created it.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.as_deref()?.downcast_ref()
    }
}

/// Does not print the value, which may be anything.
impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revision").finish_non_exhaustive()
    }
}
