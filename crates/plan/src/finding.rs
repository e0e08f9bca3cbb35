//! The results of `check --online`.

use jiff::Timestamp;
use regcred_core::{Code, Error, ErrorKind, RegistryCredential};

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The name of the check, such as `identity` or `token`.
    pub check: &'static str,
    /// The subject of the check, such as a provider.
    pub subject: String,
    /// The namespaces that the check concerns, if any.
    pub namespaces: Vec<String>,
    /// Whether it passed.
    pub verdict: Verdict,
    /// The result in words.
    pub message: String,
    /// The code of the error. `None`: the check passed, or failed without an error.
    pub code: Option<&'static Code>,
    /// The fix, in one line or several.
    pub fix: Option<String>,
}

/// Whether a check passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The check passed.
    Ok,
    /// The check passed for this identity, and would fail for another one.
    Info,
    /// regcred works, but the result needs attention. `check --strict` fails.
    Warning,
    /// The problem must be fixed.
    Failed,
    /// The other side could not be reached. The check may pass later.
    Unreachable,
}

/// The maximum number of namespaces in one row of a table. JSON has all of them.
const NAMED: usize = 3;

/// Returns the first namespaces by name, with the total number if there are more.
pub fn first_few(namespaces: &[&str]) -> String {
    let named = namespaces.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if namespaces.len() <= NAMED { named } else { format!("{} namespaces ({named}, ...)", namespaces.len()) }
}

impl Verdict {
    /// Returns its name in tables and JSON: `ok`, `info`, `warning` or `failed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Failed | Self::Unreachable => "failed",
        }
    }
}

impl Finding {
    /// Creates a result with this verdict and no fix.
    pub fn new(check: &'static str, verdict: Verdict, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            check,
            subject: subject.into(),
            namespaces: vec![],
            verdict,
            message: message.into(),
            code: None,
            fix: None,
        }
    }

    /// Creates the result of a check that passed.
    pub fn ok(check: &'static str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, subject, message)
    }

    /// Creates a warning.
    pub fn warning(check: &'static str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warning, subject, message)
    }

    /// Creates a failure that must be fixed.
    pub fn failed(check: &'static str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Failed, subject, message)
    }

    /// Creates the result of a failed call: [`Verdict::Unreachable`] if it may succeed later, otherwise
    /// [`Verdict::Failed`].
    pub fn error(check: &'static str, subject: impl Into<String>, error: &Error) -> Self {
        let verdict = match error.kind() {
            ErrorKind::Unreachable | ErrorKind::Throttled => Verdict::Unreachable,
            _ => Verdict::Failed,
        };
        Self { code: Some(error.code()), ..Self::new(check, verdict, subject, error.summary()) }
    }

    /// Creates the result of a mint, with the registries and the expiry. `registries`: the names under which the
    /// credential is used. Empty: its own registries.
    pub fn minted(subject: impl Into<String>, registries: &[String], credential: &RegistryCredential) -> Self {
        let mut registries = registries.to_vec();
        if registries.is_empty() {
            registries.extend(credential.registries().map(ToString::to_string));
        }
        registries.sort();
        registries.dedup();
        let end = credential.validity().expires_at().and_then(|end| Timestamp::try_from(end).ok());
        let until = end.map_or_else(|| "without an end".into(), |end| format!("until {end:.0}"));
        Self::ok("token", subject, format!("a token for {} {until}", registries.join(", ")))
    }

    /// Sets the namespaces, which become the subject. The subject names the first three.
    #[must_use]
    pub fn with_namespaces(self, namespaces: &[&str]) -> Self {
        let named = namespaces.iter().map(ToString::to_string).collect();
        Self { subject: first_few(namespaces), namespaces: named, ..self }
    }

    /// Sets the fix.
    #[must_use]
    pub fn with_fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    /// Turns a failure into a warning.
    #[must_use]
    pub fn into_warning(self) -> Self {
        Self { verdict: Verdict::Warning, ..self }
    }

    /// Returns whether the check passed.
    pub fn is_ok(&self) -> bool {
        self.verdict == Verdict::Ok
    }
}
