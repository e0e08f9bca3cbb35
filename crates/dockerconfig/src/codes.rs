//! The codes of failures with Docker configs.

regcred_core::codes! {
    /// The codes of failures with Docker configs.
    pub CODES;
    DOCUMENT = "RC0051", Malformed, "A Docker config is not valid",
        cause "The document is not UTF-8, is not a JSON object, repeats a key, or has an `auths` that is not an object.",
        fix "Correct the document by hand. regcred does not write into a document that it cannot read, because it would lose logins.";
    ENTRY = "RC0052", Malformed, "An entry for a registry is not a JSON object",
        cause "A provider returned an entry for a Docker config that is not a JSON object.",
        fix "Correct the provider. If it copies entries, correct their source.";
}
