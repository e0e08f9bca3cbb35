//! The names of environment variables that set keys.

/// The prefix of the variables. It has two underscores because a Service named `regcred` adds variables such as
/// `REGCRED_PORT` to every pod.
pub(crate) const PREFIX: &str = "REGCRED__";

/// Returns the variable that sets a key.
pub(crate) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace(['.', '['], "__").replace(']', "").to_uppercase())
}
