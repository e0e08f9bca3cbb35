//! The options of a provider of type `exec`.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use regcred_config::Access;
use regcred_core::Registry;
use schemars::JsonSchema;
use serde::Deserialize;

use super::fields::{arguments, command, environment, life, names, registries, timeout};
use crate::{Life, Protocol, provider::TIMEOUT};

/// Logins that a credential program prints.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecOptions {
    /// The protocol of the program. `docker`: a Docker credential helper. `kubelet`: a credential provider plug-in of
    /// the kubelet that speaks `credentialprovider.kubelet.k8s.io/v1`.
    pub protocol: Protocol,
    /// Absolute path of the program. The image of regcred contains no such program and no shell, so use an image that
    /// adds it.
    #[serde(deserialize_with = "command")]
    #[schemars(with = "PathBuf", regex(pattern = "^/"))]
    pub command: PathBuf,
    /// Arguments of the program. regcred adds `get` for `docker`. Default: none.
    #[serde(default, deserialize_with = "arguments")]
    #[schemars(with = "Vec<String>")]
    pub args: Vec<String>,
    /// Registries such as `europe-docker.pkg.dev`. The program runs once for each of them. A Docker credential helper
    /// gets only the host.
    #[serde(deserialize_with = "registries")]
    #[schemars(with = "Vec<String>", length(min = 1), extend("uniqueItems" = true))]
    pub registries: Vec<Registry>,
    /// Time for which a login works at least when the program prints it, such as `50m`. At least `1m`. `never`: logins
    /// have no end, and only `schedule` renews them. Default: the `exp` of a password that is a JSON Web Token, or else
    /// the `cacheDuration` of a plug-in. Docker credential helpers usually state neither.
    #[serde(default, deserialize_with = "life")]
    #[schemars(with = "Option<String>")]
    pub life: Option<Life>,
    /// Longest time for the logins of all registries together, at most `25s`. Default: `20s`.
    #[serde(default = "default_timeout", deserialize_with = "timeout")]
    #[schemars(with = "String", default = "default_timeout_text")]
    pub timeout: Duration,
    /// Variables of the program, by name. Do not put secrets here: use `inherit`. Default: none.
    #[serde(default, deserialize_with = "environment")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub env: BTreeMap<String, String>,
    /// Names of variables of regcred that the program inherits, such as `HTTPS_PROXY`. Default: none. The program always
    /// has `PATH` and `HOME`, and no other variable.
    #[serde(default, deserialize_with = "names")]
    #[schemars(with = "Vec<String>")]
    pub inherit: Vec<String>,
    /// Whether images are only pulled (`pull`) or also pushed (`push`). Default: `pull`. The registry decides what the
    /// login permits. With `push`, Secrets are linked only to `builder` and `pipeline`, unless `service_accounts` is
    /// set.
    #[serde(default)]
    pub access: Access,
}

fn default_timeout() -> Duration {
    TIMEOUT
}

fn default_timeout_text() -> String {
    format!("{}s", TIMEOUT.as_secs())
}

/// Hides the arguments and the values of variables, which may be secret.
impl fmt::Debug for ExecOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, command, registries, life, timeout, inherit, access, .. } = self;
        f.debug_struct("ExecOptions")
            .field("protocol", protocol)
            .field("command", command)
            .field("registries", registries)
            .field("life", life)
            .field("timeout", timeout)
            .field("inherit", inherit)
            .field("access", access)
            .finish_non_exhaustive()
    }
}
