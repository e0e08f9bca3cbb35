//! The codes of failures with files of logins.

regcred_core::codes! {
    /// The codes of failures with files of logins.
    pub CODES;
    FILE = "RC0531", Invalid, "A file of logins cannot be read",
        cause "The file does not exist, is not a regular file, is larger than 4 MiB, or its permissions do not allow regcred to read it.",
        fix "Correct `path` of the provider, or the permissions of the file. In a pod, check that a volume is mounted there.";
    EMPTY = "RC0532", Unreachable, "A file of logins is empty",
        cause "The program that renews the file is writing it, or has not written it yet.",
        fix "No action is needed if it passes. Otherwise check the program that writes the file.";
    CHANGING = "RC0533", Unreachable, "A file of logins changes while it is read",
        cause "The program that renews the file wrote it several times in a moment.",
        fix "No action is needed if it passes. Let the program write another file and rename it.";
}
