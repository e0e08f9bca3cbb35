//! The outcome of a trial at one registry.

use regcred_core::Error;
use regcred_http::codes::ANSWER;

/// The answer of a registry to a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The registry accepted the login.
    Proven,
    /// The registry or its token server answered HTTP 401 to the login.
    Refused,
    /// The registry or its token server answered HTTP 403 to the login. It can also mean a policy or a firewall.
    Forbidden,
    /// The registry cannot prove any login, for this reason.
    NotProvable(String),
    /// The registry proved nothing this time, for this reason.
    Unknown(String),
}

impl Outcome {
    /// Returns the outcome of an answer to a login that is not a success.
    pub(crate) fn of_status(status: u16, server: &str) -> Self {
        match status {
            401 => Self::Refused,
            403 => Self::Forbidden,
            other => Self::Unknown(format!("{server} answers HTTP {other}")),
        }
    }
}

/// An answer that redirects, is too long or is not HTTP is the same each time. Other failures pass.
impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        if *error.code() == ANSWER { Self::NotProvable(error.chain()) } else { Self::Unknown(error.chain()) }
    }
}
