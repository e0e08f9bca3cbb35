//! The error of all ports. A port describes *what* failed. The engine adds *where* it failed (provider, target), once.

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use crate::{Code, ErrorKind};

/// A result whose error is an [`Error`] by default.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of a port.
///
/// `Display` prints the failed step as `cannot <verb> <object>`, without the cause. [`source`](StdError::source)
/// returns the cause as text. The code that creates an error must keep secrets out of both. It translates vendor errors
/// and never wraps them.
#[derive(Clone)]
pub struct Error {
    code: &'static Code,
    message: Arc<str>,
    cause: Option<Cause>,
    retry_after: Option<Duration>,
}

#[derive(Clone)]
struct Cause(Arc<str>);

impl Error {
    /// Creates an error. `message` is the failed step: `cannot <verb> <object>`. The reason is the cause.
    ///
    /// `code` is a [`Code`], or an [`ErrorKind`] for the general code of that kind.
    pub fn new(code: impl Into<&'static Code>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into().into(), cause: None, retry_after: None }
    }

    /// Sets the cause as text.
    #[must_use]
    pub fn with_cause(self, cause: impl fmt::Display) -> Self {
        Self { cause: Some(Cause(cause.to_string().into())), ..self }
    }

    /// Sets the pause that the other side asked for. It takes precedence over regcred's own back-off.
    #[must_use]
    pub fn with_retry_after(self, pause: Option<Duration>) -> Self {
        Self { retry_after: pause, ..self }
    }

    /// Returns the kind of the failure.
    pub fn kind(&self) -> ErrorKind {
        self.code.kind()
    }

    /// Returns the code of the failure.
    pub fn code(&self) -> &'static Code {
        self.code
    }

    /// Returns the pause that the other side asked for. `None`: it asked for none.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns whether the same call may succeed later: see [`ErrorKind::is_retryable`].
    pub fn is_retryable(&self) -> bool {
        self.kind().is_retryable()
    }

    /// Returns message, cause, kind and code on one line, as in reports: `cannot get a token: no answer
    /// (unreachable) [RC0306]`.
    pub fn summary(&self) -> String {
        format!("{} ({}) [{}]", self.chain(), self.kind(), self.code)
    }

    /// Returns message and cause on one line, for the code that displays the error.
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
        write!(f, "{}: {}", self.kind(), self.chain())
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
    fn an_error_keeps_its_message_and_its_cause_apart() {
        let error = Error::new(ErrorKind::Denied, "cannot get a token").with_cause("AccessDeniedException");
        assert_eq!(error.to_string(), "cannot get a token");
        assert_eq!(error.source().expect("there is a cause").to_string(), "AccessDeniedException");
        assert_eq!(format!("{error:?}"), "denied: cannot get a token: AccessDeniedException");
    }
}
