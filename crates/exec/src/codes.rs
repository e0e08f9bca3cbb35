//! The codes of failures with credential programs.

regcred_core::codes! {
    /// The codes of failures with credential programs.
    pub CODES;
    NOT_INSTALLED = "RC0501", Invalid, "A credential program is not installed",
        cause "There is no file at `command`, or its interpreter or its C library is missing. The image of regcred has no shell and no C library.",
        fix "Build an image of regcred that contains the program, and correct `command`. Use a statically linked program.";
    NOT_EXECUTABLE = "RC0502", Invalid, "A credential program cannot be started",
        cause "The file at `command` is a folder, lacks the execute permission, is on a volume without it, or is made for another machine.",
        fix "Correct the file, its permissions or its volume.";
    SETTING = "RC0503", Invalid, "A setting of a credential program cannot be used",
        cause "`command` is not an absolute path, there is no registry, or a limit, a variable or an argument is not valid.",
        fix "Correct the setting that the message names.";
    FAILED = "RC0504", Unreachable, "A credential program failed",
        cause "The program ended with an error, usually because its own login or its configuration is missing.",
        fix "Run the program by hand to see its messages. regcred does not show its output, which can contain secrets. `inherit` and `env` pass variables to it.";
    NO_LOGIN = "RC0505", Denied, "A credential program has no login for a registry",
        cause "The program answered that it knows no login for the registry.",
        fix "Log in with the tool of the program, or correct `registries`.";
    UNFINISHED = "RC0506", Unreachable, "A credential program did not finish",
        cause "The program ran for too long and was killed, or the machine could not start it.",
        fix "Run the program by hand. Check whether it waits for a person or for a server. `timeout` allows more time.";
    OUTPUT = "RC0507", Malformed, "The output of a credential program is not valid",
        cause "The program printed something that does not follow `protocol`, or a login that no client can use.",
        fix "Check `protocol` and `args`. Run the program by hand.";
    NO_END = "RC0508", Invalid, "The life of a credential is not known",
        cause "The program does not state when the login expires, and the provider has no `life`.",
        fix "Set `life` to the time for which the logins work at least, such as `life: 50m`, or to `never`.";
    EXPIRED = "RC0509", Malformed, "A credential program printed an expired credential",
        cause "The program printed an expired token, often from its own cache, or the clock of this machine is wrong.",
        fix "Check the clock of this machine, and the cache of the program.";
}
