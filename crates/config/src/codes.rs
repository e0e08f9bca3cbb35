//! The codes of problems with a config.

regcred_core::codes! {
    /// The codes of problems with a config.
    pub CODES;
    UNREADABLE = "RC0101", Invalid, "A config file cannot be read",
        cause "The file is missing, is not readable by the user of the process, is too large, or is not UTF-8.",
        fix "Correct the path in `--config` or REGCRED_CONFIG, or the permissions of the file.";
    SYNTAX = "RC0102", Invalid, "A config is not valid YAML",
        cause "The text breaks a rule of YAML, repeats a key, or uses a feature that regcred does not accept.",
        fix "Correct the line that the message names.";
    NOT_A_CONFIG = "RC0103", Invalid, "A file is not a config of regcred",
        cause "The file has none of the keys of a config, or a link leads to a file in another folder that is not valid.",
        fix "Name the right file with `--config`. Pass a kubeconfig with `--kubeconfig`.";
    UNKNOWN_KEY = "RC0104", Invalid, "A key is not known",
        cause "The key is misspelt, is from another version, or belongs in another place. Options of a provider, such as `profile`, belong in `providers`.",
        fix "Correct the key. `regcred schema` prints all keys for an editor.";
    MISSING = "RC0105", Invalid, "A required key is missing",
        cause "The config, or one of its entries, does not work without the key.",
        fix "Add the key. The message shows an example.";
    TYPE = "RC0106", Invalid, "A value has the wrong type",
        cause "The value is a number, a list, a map or nothing, where the key needs another type. YAML reads 123 as a number.",
        fix "Write the value in the expected form. Put text that looks like a number in quotes.";
    VALUE = "RC0107", Invalid, "A value is not allowed",
        cause "The value does not follow the syntax of its key, or is outside its limits.",
        fix "Correct the value. The message shows the expected form.";
    DUPLICATE = "RC0108", Invalid, "A value or an entry is a duplicate",
        cause "Two entries describe the same target, or a list contains the same value twice.",
        fix "Remove one of the two.";
    UNKNOWN_NAME = "RC0109", Invalid, "A provider, a sink or a type does not exist",
        cause "The config refers to a name that it does not define, or to a type that this program does not have.",
        fix "Correct the name, or add the entry to `providers:` or `sinks:`.";
    COMBINATION = "RC0110", Invalid, "Keys cannot be combined",
        cause "Two keys of one entry contradict each other, or one of them has no effect beside the other.",
        fix "Remove the key that the message names.";
    VARIABLE = "RC0111", Invalid, "A variable of the environment does not fit the config",
        cause "The name of the variable leads to no key of the config, or its index is beyond the list.",
        fix "Correct the name of the variable. Two underscores separate keys, as in REGCRED__TARGETS__0__REGION.";
    UNUSED = "RC0112", Invalid, "An entry is not used",
        cause "No target uses this provider or sink. It is only a warning.",
        fix "Remove the entry, or name it in a target.";
    SCHEDULE = "RC0113", Invalid, "A schedule or a time zone cannot be used",
        cause "The cron expression or the time zone is not valid, or the schedule is slower than the life of a credential.",
        fix "Correct `schedule` or `time_zone`, or remove `schedule`: refreshes then follow the life of each credential.";
}
