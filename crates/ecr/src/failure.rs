//! Failures that regcred itself detects while the SDK looks for credentials.

use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use regcred_core::Error;

/// A failure that is safe to display. Its text contains nothing from the SDK or from a file.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) Error);

/// The reason why a source has no credentials, safe to display. The chain continues with the next source.
#[derive(Debug)]
pub(crate) struct Absent(pub(crate) String);

impl From<Failure> for CredentialsError {
    fn from(failure: Failure) -> Self {
        Self::provider_error(failure)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Absent> for CredentialsError {
    fn from(absent: Absent) -> Self {
        Self::not_loaded(absent)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.chain())
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}
impl std::error::Error for Absent {}
