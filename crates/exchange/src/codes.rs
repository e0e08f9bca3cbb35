//! The codes of failures of token exchanges.

regcred_core::codes! {
    /// The codes of failures of token exchanges.
    pub CODES;
    DENIED = "RC0571", Denied, "A token service does not accept the identity",
        cause "The service answered 401, 403, or an OAuth error such as invalid_grant. The token is expired, has another audience or subject, or the account has no permission.",
        fix "Compare issuer, subject and audience of the token with the trust that is configured at the service. Check the permissions of the account.";
    THROTTLED = "RC0572", Throttled, "A token service throttles requests",
        cause "The service answered HTTP 429, because it gets too many requests from regcred or from other clients.",
        fix "No action is needed if it passes, because regcred waits as long as the service asks.";
    UNAVAILABLE = "RC0573", Unreachable, "A token service reports an internal error",
        cause "The service, or a proxy in front of it, answered with a 5xx status.",
        fix "No action is needed if it passes. Otherwise check the state of the service and the proxy.";
    REQUEST = "RC0574", Invalid, "A token service refused the request as invalid",
        cause "An option of the provider is not valid for the service, or the service has no such exchange.",
        fix "Compare the options of the provider with the configuration of the service.";
    ANSWER = "RC0575", Malformed, "The answer of a token service has no usable token",
        cause "The answer is not JSON, or has no token, user name or expiry in the expected field.",
        fix "Check the URL and the proxy. For `oidc`, check the names of the fields.";
    EXPIRY = "RC0576", Malformed, "The expiry of a token is not possible",
        cause "The token has expired, expires in more than 90 days, or has no readable expiry.",
        fix "Check the lifetime that the service gives its tokens. For `oidc`, check `expiry` and `life`.";
    CLOCK = "RC0577", Malformed, "The clock of this machine differs from that of a token service",
        cause "The dates of the token are impossible by the clock of this machine, and the `Date` header of the answer confirms the difference.",
        fix "Synchronise the clock of the machine, such as with chrony.";
    OPTION = "RC0578", Invalid, "An option of a token exchange cannot be used",
        cause "The option is missing, contradicts another one, or does not have the form that the message names.",
        fix "Correct the option.";
    FOREIGN = "RC0579", Invalid, "A host does not belong to the vendor of the provider",
        cause "The provider would send a token to a host of another owner, or write a login for it.",
        fix "Use a registry of the vendor, or another type of provider. The message contains the expected hosts.";
    PROOF = "RC0580", Invalid, "The file with the identity cannot be used",
        cause "The token file or the secret file does not exist, is not text, or has several lines.",
        fix "Check that the pod mounts the file, and the path in the options of the provider.";
    PROOF_EMPTY = "RC0581", Unreachable, "The file with the identity is empty",
        cause "The kubelet writes the file at this moment, or has not written it yet.",
        fix "No action is needed if it passes. Otherwise check the volume of the token.";
}
