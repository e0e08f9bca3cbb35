//! The identity that requests credentials.

/// The identity that a provider uses at a service, such as a role. It is only displayed, and contains no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caller {
    /// The service, in one word, such as `quay`.
    pub service: &'static str,
    /// The name of the identity at the service, such as the name of a role.
    pub name: String,
    /// The account of the identity. `None`: the service has no accounts.
    pub account: Option<String>,
    /// Why its credentials should not be in Secrets, and the fix. `None`: there is no warning.
    pub warning: Option<(String, String)>,
}

impl Caller {
    /// A caller without account and warning.
    pub fn new(service: &'static str, name: impl Into<String>) -> Self {
        Self { service, name: name.into(), account: None, warning: None }
    }

    /// Sets the account.
    #[must_use]
    pub fn with_account(self, account: impl Into<Option<String>>) -> Self {
        Self { account: account.into(), ..self }
    }

    /// Sets the warning: why its credentials should not be in Secrets, and the fix. The reason completes the sentence
    /// "regcred …".
    #[must_use]
    pub fn with_warning(self, warning: impl Into<Option<(String, String)>>) -> Self {
        Self { warning: warning.into(), ..self }
    }
}
