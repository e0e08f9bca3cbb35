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

regcred_core::codes! {
    /// The codes of failures with files that regcred writes.
    pub SINK_CODES;
    PATH = "RC0541", Invalid, "A file cannot be written at this path",
        cause "The folder of the file does not exist, or the path does not name a regular file.",
        fix "Create the folder, or correct `path` of the target.";
    LINK = "RC0542", Refused, "A file to write is a symbolic link",
        cause "regcred replaces the file, which would replace the link and leave the file behind it unchanged.",
        fix "Set `path` of the target to the file behind the link.";
    OWNER = "RC0543", Refused, "A file or its folder belongs to another user",
        cause "Another user could read the logins, or has replaced the file by one of their own.",
        fix "Run regcred as the owner of the file, or correct the owner and the permissions of the file and its folder.";
    MOUNT = "RC0544", Refused, "A file to write is a mount point",
        cause "The file itself is mounted, as with `-v FILE:FILE`. A mounted file can only be overwritten in place, and a reader could then read half of it.",
        fix "Mount the folder of the file instead.";
    WRITE = "RC0545", Unreachable, "A file cannot be written",
        cause "The file system is full or read-only, or its permissions do not allow regcred to write into the folder. The old content is unchanged.",
        fix "Correct what the message names. regcred retries.";
    BUSY = "RC0546", Unreachable, "A file system does not answer",
        cause "The file system of a file did not answer in time, as a network file system can do.",
        fix "No action is needed if it passes. Otherwise check the file system.";
    SAME_FILE = "RC0547", Invalid, "Two targets write one file",
        cause "Two entries of `targets:` have the same `path` and different settings.",
        fix "Unite the two entries: one entry can name several providers.";
}
