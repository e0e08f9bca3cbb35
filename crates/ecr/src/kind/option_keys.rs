//! The keys of options: which ones outputs may show, and help for wrong ones.

use regcred_config::Hint;

/// The options that are not secret: all except the external id.
pub(super) const PUBLIC: [&str; 15] = [
    "region",
    "accounts",
    "aliases",
    "profile",
    "web_identity",
    "identity",
    "programs",
    "role_arn",
    "session_name",
    "principal",
    "endpoint",
    "fips",
    "dual_stack",
    "access",
    "allow_insecure_endpoint",
];
const NO_KEYS: &str =
    "keys of AWS belong in the environment, in a profile, or in the Secret of `regcred manifests --identity keys`";
/// Keys that are often used by mistake, each with a hint.
pub(super) const HINTS: [Hint; 17] = [
    Hint::Means("registries", "registry"),
    Hint::Means("host", "registry"),
    Hint::Means("hosts", "registry"),
    Hint::Means("role", "role_arn"),
    Hint::Means("arn", "role_arn"),
    Hint::Means("iam_role", "role_arn"),
    Hint::Means("assume_role", "role_arn"),
    Hint::Means("account", "accounts"),
    Hint::Means("account_id", "accounts"),
    Hint::Refused("access_key_id", NO_KEYS),
    Hint::Refused("access_key", NO_KEYS),
    Hint::Refused("secret_access_key", NO_KEYS),
    Hint::Refused("secret_key", NO_KEYS),
    Hint::Refused("session_token", NO_KEYS),
    Hint::Refused("aws_access_key_id", NO_KEYS),
    Hint::Refused("aws_secret_access_key", NO_KEYS),
    Hint::Refused("aws_session_token", NO_KEYS),
];
