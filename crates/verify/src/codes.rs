//! The codes of credentials that a registry refuses.

regcred_core::codes! {
    /// The codes of credentials that a registry refuses.
    pub CODES;
    REFUSED = "RC0591", Denied, "A registry refuses a new credential",
        cause "The provider returned a credential, and the registry or its token server answered HTTP 401 to it, twice. Targets keep their previous credential.",
        fix "Check the identity, the user name and the registry of the provider. Remove `verify` if the registry refuses valid credentials.";
    FORBIDDEN = "RC0592", Denied, "A registry forbids a new credential",
        cause "The registry or its token server answered HTTP 403 to a new credential, twice, and the provider has `verify: strict`. Targets keep their previous credential.",
        fix "Grant the credential access to the repository in `verify_repository`, and check policies and firewalls. With `verify: true`, HTTP 403 is only logged.";
}
