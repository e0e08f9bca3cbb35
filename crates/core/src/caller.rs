//! The identity that asks for credentials.

/// The identity that a provider uses on the other side, such as a role. It is only shown to people, and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caller {
    /// The other side, in one word, such as `quay`.
    pub service: &'static str,
    /// Its name there, such as that of a role.
    pub name: String,
    /// The account that it belongs to. `None`: the other side has no accounts.
    pub account: Option<String>,
    /// Why its credentials should not be in Secrets, and the fix. `None`: nothing is known against it.
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

    /// Sets why its credentials should not be in Secrets, and the fix. The reason completes the sentence "regcred …".
    #[must_use]
    pub fn with_warning(self, warning: impl Into<Option<(String, String)>>) -> Self {
        Self { warning: warning.into(), ..self }
    }
}
