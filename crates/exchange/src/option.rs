//! An option that cannot be used.

use regcred_core::{Code, Error};

use crate::codes;

/// An option of a preset that cannot be used, with the reason. The error does not quote secrets.
#[derive(Clone, Debug)]
pub struct OptionError {
    key: &'static str,
    error: Error,
}

impl OptionError {
    /// Creates an error with the general code of options.
    pub(crate) fn new(key: &'static str, reason: impl Into<String>) -> Self {
        Self::with_code(key, &codes::OPTION, reason)
    }

    /// Creates an error with this code.
    pub(crate) fn with_code(key: &'static str, code: &'static Code, reason: impl Into<String>) -> Self {
        Self { key, error: Error::new(code, format!("cannot use the option `{key}`")).with_cause(reason.into()) }
    }

    /// Returns a function that creates an error from the error of a value.
    pub(crate) fn of(key: &'static str) -> impl Fn(Error) -> Self {
        move |error| Self::with_code(key, error.code(), error.chain())
    }

    /// Returns the option.
    pub fn key(&self) -> &'static str {
        self.key
    }
}

impl From<OptionError> for Error {
    fn from(OptionError { error, .. }: OptionError) -> Self {
        error
    }
}
