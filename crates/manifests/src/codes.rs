//! The codes of problems with manifests.

use regcred_config::Problem;

regcred_core::codes! {
    /// The codes of problems with manifests.
    pub CODES;
    INSTALLATION = "RC0601", Invalid, "The installation does not fit the config",
        cause "A flag of `regcred manifests` or a value of the chart contradicts the config, or the config only works outside the cluster.",
        fix "Correct the flag, the value or the key that the message names.";
    TOO_LARGE = "RC0602", Invalid, "A manifest would be too large for an API server",
        cause "The config names very many namespaces, registries or ServiceAccounts.",
        fix "Select namespaces by pattern or label instead of naming them.";
    TEMPLATE = "RC0603", Invalid, "The config does not fit a project template",
        cause "The labels of a new project are not known, or the config does not select new projects.",
        fix "Name the labels of new projects with `--label KEY=VALUE`.";
}

/// Returns a problem of the whole installation.
pub(crate) fn misfit(message: impl Into<String>) -> Problem {
    Problem::everywhere(message).with_code(&INSTALLATION)
}
