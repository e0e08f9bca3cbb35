//! The kinds of failures.

use std::fmt;

/// The kind of a failure, and what a user should do about it.
///
/// Its kebab-case name ([`ErrorKind::name`]) is the same in logs, reports and documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// regcred's own input is wrong. Fix the config.
    Invalid,
    /// The other side does not recognise the caller. Log in again, or renew the credentials.
    Unauthenticated,
    /// A permission is missing. Grant the action or verb that the message names.
    Denied,
    /// Another owner has the target. Choose another name, or make that owner release the target.
    Refused,
    /// The place itself is gone or is being deleted, such as a terminating namespace. No action is needed.
    Gone,
    /// Another writer was faster. No action is needed, because regcred retries. Find the other writer if the error
    /// persists.
    Conflict,
    /// The response is not valid. Check the proxy and the endpoint.
    Malformed,
    /// The other side asked regcred to wait. Lower the rate.
    Throttled,
    /// The other side did not respond in time, or it failed. Check the network and the service.
    Unreachable,
    /// A panic or a broken contract. Report it.
    Bug,
}

impl ErrorKind {
    /// Returns the name in kebab case, as in logs and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Gone => "gone",
            Self::Conflict => "conflict",
            Self::Malformed => "malformed",
            Self::Throttled => "throttled",
            Self::Unreachable => "unreachable",
            Self::Bug => "bug",
        }
    }

    /// Returns whether the same call may succeed later without action by a user.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Conflict | Self::Malformed | Self::Throttled | Self::Unreachable)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
