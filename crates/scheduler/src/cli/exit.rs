//! Exit codes that several commands share.

/// A person has to act first: config, usage or permission.
pub(crate) const EXIT_INVALID: u8 = 2;
/// The provider or the cluster cannot be reached.
pub(crate) const EXIT_UNREACHABLE: u8 = 3;
