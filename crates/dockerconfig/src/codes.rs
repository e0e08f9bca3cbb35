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
    COPY_TOO_LARGE = "RC0053", Invalid, "A document of logins is too large to copy",
        cause "The file or the Secret that a provider copies is larger than 1 MiB.",
        fix "Name a smaller document, with only the logins that the targets need.";
    COPY_ABSENT = "RC0054", Invalid, "A source has no login for a registry",
        cause "The file or the Secret that a provider copies has no entry for a registry that the config names.",
        fix "Add the login to the source, or remove the registry from `registries` of the provider.";
    COPY_AMBIGUOUS = "RC0055", Invalid, "A source has two logins for one registry",
        cause "Two keys of the source are spellings of one registry, such as `r.example` and `https://r.example`, and their logins differ.",
        fix "Remove one of the two entries from the source.";
    COPY_EMPTY = "RC0056", Invalid, "A source has no login",
        cause "The file or the Secret that a provider copies has no entry with a login. A Docker config with `credsStore` has empty entries.",
        fix "Run `docker login` or `podman login` with a file of its own and without a credential helper, and copy that file.";
    COPY_ENTRY = "RC0057", Invalid, "A login in a source cannot be used",
        cause "The entry is empty, or the kubelet cannot read it. One such entry makes the kubelet refuse every login of a Secret.",
        fix "Log in to the registry that the message names again, and store the new entry in the source.";
    COPY_BASIC_AUTH = "RC0058", Invalid, "A user name and a password cannot be used",
        cause "One of them is missing, empty or not valid, or the config does not name their registries.",
        fix "Correct `username` and `password` of the source, and set `registries` of the provider.";
}
