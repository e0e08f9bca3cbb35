//! Why regcred leaves a target unchanged.

use std::fmt;

use crate::{Code, Error, ErrorKind};

/// Why regcred leaves a target unchanged, and how a user can fix it.
///
/// `Display` prints one line: the reason, what was found, the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    code: &'static Code,
    reason: &'static str,
    found: String,
    remedy: String,
}

impl Refusal {
    /// Creates a refusal. `reason` is a word in kebab case, such as `foreign`. `found` describes what is at the target,
    /// and `remedy` is the fix.
    pub fn new(reason: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        let code = ErrorKind::Refused.into();
        Self { code, reason, found: found.into(), remedy: remedy.into() }
    }

    /// Sets the code. Default: [`REFUSED`](crate::codes::REFUSED).
    #[must_use]
    pub fn with_code(self, code: &'static Code) -> Self {
        Self { code, ..self }
    }

    /// Returns the code.
    pub fn code(&self) -> &'static Code {
        self.code
    }

    /// Returns the text of `Display` with the code, as in reports: `foreign: it belongs to helm; ... [RC0021]`.
    pub fn summary(&self) -> String {
        format!("{self} [{}]", self.code)
    }

    /// Returns the reason. It is the same word in logs, reports and documentation.
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code: _, reason, found, remedy } = self;
        write!(f, "{reason}: {found}; {remedy}")
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, "cannot change the target").with_cause(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_reason_finding_and_fix_on_one_line() {
        let refusal = Refusal::new("foreign", "it was written by \"helm\"", "choose another name");
        assert_eq!(refusal.to_string(), "foreign: it was written by \"helm\"; choose another name");
        let error = Error::from(refusal);
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.chain(), "cannot change the target: foreign: it was written by \"helm\"; choose another name");
    }
}
