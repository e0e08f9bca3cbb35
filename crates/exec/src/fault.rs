//! The reason why one run of a program gave no login.

use regcred_core::{Code, Error};

/// The reason why one run gave no login. It quotes nothing that the program printed.
#[derive(Debug)]
pub(crate) struct Fault {
    code: &'static Code,
    reason: String,
}

impl Fault {
    /// Creates a fault. `reason` is a clause whose subject, "it", is the program.
    pub(crate) fn new(code: &'static Code, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// Converts the fault to an error with this message and the reason as its cause.
    pub(crate) fn into_error(self, message: impl Into<String>) -> Error {
        Error::new(self.code, message).with_cause(self.reason)
    }
}
