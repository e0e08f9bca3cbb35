//! The names of environment variables that set keys.

/// The prefix of the variables. It has two underscores because a Service named `regcred` puts `REGCRED_PORT` and its like into every pod.
pub(crate) const PREFIX: &str = "REGCRED__";

/// Returns the variable that sets a key.
pub(crate) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace(['.', '['], "__").replace(']', "").to_uppercase())
}
