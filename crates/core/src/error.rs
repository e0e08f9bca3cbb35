//! One error for all ports: *what* failed. *Where* (provider, target) the engine adds, once.

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

/// [`Error`] unless said otherwise.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure it is, and what a person should do about it.
///
/// Its kebab-case name ([`ErrorKind::name`]) is the same in logs, reports and documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Our own input is wrong: mend the config.
    Invalid,
    /// The other side does not know who asks: log in again, or renew the credentials.
    Unauthenticated,
    /// No permission: grant the action or verb that the message names.
    Denied,
    /// Somebody else owns what stands there: choose another name, or have them give it up.
    Refused,
    /// The place itself is gone or going, as a namespace that is being deleted: nothing to do.
    Gone,
    /// Somebody else was faster: nothing to do, it is looked at again; if it lasts, look who else writes there.
    Conflict,
    /// The answer makes no sense: look at proxy and endpoint.
    Malformed,
    /// Told to wait: lower the rate.
    Throttled,
    /// No answer in time, or a failure on the other side: look at the network and the service.
    Unreachable,
    /// A panic or a broken contract: report it.
    Bug,
}

impl ErrorKind {
    /// The name in kebab case, as in logs and reports.
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

    /// Whether the same call may succeed later without anybody's help.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Conflict | Self::Malformed | Self::Throttled | Self::Unreachable)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A failure of a port.
///
/// `Display` says what was being done, in lower case, without the cause; [`source`](StdError::source) holds the cause as
/// text. Whoever makes one owes that neither contains a secret: vendor errors are translated, never wrapped.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    message: Arc<str>,
    cause: Option<Cause>,
    retry_after: Option<Duration>,
}

#[derive(Clone)]
struct Cause(Arc<str>);

impl Error {
    /// `message` says what was being done and what came of it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into().into(), cause: None, retry_after: None }
    }

    /// With the cause in words.
    #[must_use]
    pub fn with_cause(self, cause: impl fmt::Display) -> Self {
        Self { cause: Some(Cause(cause.to_string().into())), ..self }
    }

    /// With the pause that the other side asked for; it wins over our own back-off.
    #[must_use]
    pub fn with_retry_after(self, pause: Option<Duration>) -> Self {
        Self { retry_after: pause, ..self }
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// How long the other side asked us to wait, if it did.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// See [`ErrorKind::is_retryable`].
    pub fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }

    /// Message and cause on one line, for the place that shows it.
    pub fn chain(&self) -> String {
        self.cause
            .as_ref()
            .map_or_else(|| self.message.to_string(), |Cause(cause)| format!("{}: {cause}", self.message))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.chain())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Cause {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_and_cause_are_told_apart() {
        let error = Error::new(ErrorKind::Denied, "asking for a token was denied").with_cause("AccessDeniedException");
        assert_eq!(error.to_string(), "asking for a token was denied");
        assert_eq!(error.source().expect("there is a cause").to_string(), "AccessDeniedException");
        assert_eq!(format!("{error:?}"), "denied: asking for a token was denied: AccessDeniedException");
    }
}
