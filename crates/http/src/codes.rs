//! The codes of failures of HTTPS requests.

regcred_core::codes! {
    /// The codes of failures of HTTPS requests.
    pub CODES;
    UNREACHABLE = "RC0551", Unreachable, "A server of a provider cannot be reached",
        cause "The name does not resolve, the connection failed or was cut, the proxy refused it, or the answer took too long.",
        fix "Check DNS, the proxy and network policies. `regcred check` prints the hosts that regcred connects to.";
    UNTRUSTED = "RC0552", Invalid, "The certificate of a server is not trusted",
        cause "The certificate is expired, has another name, or its authority is not one of the machine's.",
        fix "Add the authority with `ca_file` of the provider or with SSL_CERT_FILE. If a proxy replaces certificates, use its authority.";
    ANSWER = "RC0553", Malformed, "The answer of a server is not valid HTTP, is too long, or redirects",
        cause "A proxy or another server answered. regcred follows no redirects, and reads at most 64 KiB.",
        fix "Check the URL and the proxy that the message names.";
    TRUST = "RC0554", Invalid, "The certificate authorities for HTTPS cannot be used",
        cause "The file does not exist, has no PEM certificate, or contains a damaged one.",
        fix "Correct the file, or the variable or the option with its path.";
    URL = "RC0555", Invalid, "A URL of a provider cannot be used",
        cause "It is not a URL, has a user name or a fragment, or is neither HTTPS nor on loopback.",
        fix "Use an https URL without a user name.";
    REQUEST = "RC0556", Invalid, "A request cannot be made",
        cause "A value of the config or of a token file has a character that a header cannot contain, such as a newline.",
        fix "Correct the value or the file that the message names.";
}
