//! The codes of failures of the command line.

regcred_core::codes! {
    /// The codes of failures of the command line.
    pub CODES;
    USAGE = "RC0701", Invalid, "The command line is wrong",
        cause "A command or a flag does not exist, a value is missing or invalid, or two flags exclude each other.",
        fix "Correct the command line. The help of the command lists the flags and shows examples: add `--help`.";
    NO_CONFIG = "RC0702", Invalid, "There is no config",
        cause "No config is named, and the folder has no `regcred.yaml`.",
        fix "Name a file with `--config`, or create one with `regcred init > regcred.yaml`.";
    NO_MATCH = "RC0703", Invalid, "Nothing matches the filter",
        cause "No namespace or target of the config matches `--namespace`.",
        fix "Correct the filter. Put patterns in quotes, so that the shell does not expand them.";
    STILL_RUNNING = "RC0704", Invalid, "The installation still runs",
        cause "A CronJob, a Deployment or a Lease of this installation exists, so regcred would create the Secrets again.",
        fix "Delete the installation first, for example with `helm uninstall`, or use `--even-if-running`.";
    TEMPLATE = "RC0705", Invalid, "A project template cannot be used",
        cause "The file is not a Template of OpenShift, or one of its objects is not valid.",
        fix "Correct the template. `oc adm create-bootstrap-project-template` prints a valid one.";
    LISTEN = "RC0706", Invalid, "The address for health and metrics cannot be used",
        cause "Another process uses the port, or the address does not belong to this machine.",
        fix "Use another address with `--listen`.";
    TIMEOUT = "RC0707", Unreachable, "The command did not finish in time",
        cause "The cluster or a provider was too slow for the time limit of the command.",
        fix "Use a longer `--timeout`. Check the network and the load of the API server.";
    COMMAND = "RC0708", Invalid, "The command cannot continue",
        cause "The operating system refused a step of the command, such as writing a file.",
        fix "Correct the cause that the message names.";
}
