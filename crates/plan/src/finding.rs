//! The results of `check --online`.

use jiff::Timestamp;
use regcred_core::{Error, ErrorKind, RegistryCredential};

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What was checked, such as `identity` or `token`.
    pub check: &'static str,
    /// What it is about, such as a provider.
    pub subject: String,
    /// The namespaces that it is about, if it is about any.
    pub namespaces: Vec<String>,
    /// Whether it passed.
    pub verdict: Verdict,
    /// What was found.
    pub message: String,
    /// What a person can do about it, in one line or several.
    pub fix: Option<String>,
}

/// Whether a check passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It passed.
    Ok,
    /// It passed for this identity, and would not for another one.
    Info,
    /// regcred works, and a person should look at it. `check --strict` fails.
    Warning,
    /// A person has to fix it.
    Failed,
    /// The other side could not be reached. It may pass later.
    Unreachable,
}

/// The most namespaces in one row of a table. JSON has all of them.
const NAMED: usize = 3;

/// Returns the first namespaces by name, with the number of all if there are more.
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
    /// A result with this verdict and no fix.
    pub fn new(check: &'static str, verdict: Verdict, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { check, subject: subject.into(), namespaces: vec![], verdict, message: message.into(), fix: None }
    }

    /// A check that passed.
    pub fn ok(check: &'static str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, subject, message)
    }

    /// A warning.
    pub fn warning(check: &'static str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warning, subject, message)
    }

    /// A failure that a person has to fix.
    pub fn failed(check: &'static str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Failed, subject, message)
    }

    /// A call that failed: [`Verdict::Unreachable`] if it may succeed later, else [`Verdict::Failed`].
    pub fn error(check: &'static str, subject: impl Into<String>, error: &Error) -> Self {
        let verdict = match error.kind() {
            ErrorKind::Unreachable | ErrorKind::Throttled => Verdict::Unreachable,
            _ => Verdict::Failed,
        };
        Self::new(check, verdict, subject, format!("{} ({})", error.chain(), error.kind()))
    }

    /// A credential that was minted: its registries and its end. `registries`: under which names it is used; empty for its own.
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

    /// Sets the namespaces that it is about, which are its subject. The subject names the first three.
    #[must_use]
    pub fn with_namespaces(self, namespaces: &[&str]) -> Self {
        let named = namespaces.iter().map(ToString::to_string).collect();
        Self { subject: first_few(namespaces), namespaces: named, ..self }
    }

    /// Adds what a person can do about it.
    #[must_use]
    pub fn with_fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    /// Turns a failure into a warning.
    #[must_use]
    pub fn into_warning(self) -> Self {
        Self { verdict: Verdict::Warning, ..self }
    }

    /// Returns whether it passed.
    pub fn is_ok(&self) -> bool {
        self.verdict == Verdict::Ok
    }
}
