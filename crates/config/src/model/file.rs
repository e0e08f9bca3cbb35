//! The grammar of a config file. The known keys, the JSON schema and the reference page are derived from it.
//!
//! Most of its structs are never built. `read` checks each value separately, so that it reports all problems at once.

use std::collections::BTreeMap;

use figment::value::Value;
use serde::Deserialize;

use super::secret::{AccountLink, RawSecret};

/// Registry credentials, their targets, and where they are kept.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its fields are names and documentation")]
pub(crate) struct File {
    /// Version of this grammar. Default: 1, the only version.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1)))]
    version: Option<u64>,
    /// Name of this installation. It prevents two installations in one cluster from writing each other's Secrets.
    /// Default: `default`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::names::pattern::NAME)))]
    instance: Option<String>,
    /// Previous value of `instance`. regcred takes over its Secrets without a gap. Stop that installation first.
    /// Default: none.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::names::pattern::NAME)))]
    previous_instance: Option<String>,
    /// Times at which the CronJob runs its passes: five fields in the grammar of Kubernetes CronJobs, or a shorthand
    /// such as `@hourly`. The daemon refreshes at these times in addition to the refreshes planned from each
    /// credential's lifetime. A schedule whose pauses let tokens expire is refused. Default: none, and the CronJob
    /// runs a pass every 15 minutes, or more often for short-lived credentials.
    schedule: Option<String>,
    /// IANA name of the schedule's time zone, such as `Europe/Berlin`. Default: `UTC`.
    time_zone: Option<String>,
    /// Sources of credentials, by a name of your choice. Default: none. Targets then name their registries themselves.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::shape::any"))]
    providers: BTreeMap<String, Value>,
    /// Places that keep credentials, by a name of your choice. Default: the cluster that regcred runs in, otherwise
    /// that of the kubeconfig.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::shape::any"))]
    sinks: BTreeMap<String, Value>,
    /// Default values for entries of `targets`.
    defaults: Option<Defaults>,
    /// Namespaces and their logins. Entries for the same Secret in the same namespace are united.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    targets: Vec<Target>,
    /// Maximum number of writes per second for due refreshes. 0: no limit. For the daemon. Default: 50.
    max_writes_per_second: Option<u32>,
    /// How often the daemon reads a target that it does not watch, such as `5m`. Default: `5m`.
    resync: Option<String>,
    /// Whether Secrets that no target names any more are removed. For the daemon. Default: `false`.
    prune: Option<bool>,
}

/// Default values for entries of `targets`.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its fields are names and documentation")]
pub(crate) struct Defaults {
    /// Settings of the Secret. Its labels and annotations are united with those of an entry. The entry wins.
    secret: Option<RawSecret>,
    /// ServiceAccounts that use the Secret.
    service_accounts: Option<Vec<AccountLink>>,
}

/// Namespaces, their logins, and the Secret that holds them.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its fields are names and documentation")]
pub(crate) struct Target {
    /// One namespace. Set either this or `namespaces`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::names::pattern::NAME)))]
    namespace: Option<String>,
    /// Several namespaces: a list of names and patterns, or a map that selects namespaces.
    #[cfg_attr(feature = "schema", schemars(schema_with = "namespaces"))]
    namespaces: Option<Value>,
    /// Names of entries of `providers`. The Secret holds the logins of all of them. Set either this or keys that name
    /// the registries.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), extend("uniqueItems" = true)))]
    providers: Option<Vec<String>>,
    /// Name of an entry of `sinks`. Default: the only one.
    sink: Option<String>,
    /// Settings of the Secret.
    secret: Option<RawSecret>,
    /// ServiceAccounts that use the Secret. Default: `default` to pull, and `builder` and `pipeline`, if they exist, to
    /// pull and to push. Default with a provider whose `access` is `push`: only `builder` and `pipeline`. Default for a
    /// Secret that is merged into: no others.
    service_accounts: Option<Vec<AccountLink>>,
}

/// Selects the namespaces that match a pattern of `include` and the `selector`, and those that `include` names
/// directly. Platform namespaces (`default`, `openshift`, `openshift-*`, `kube-*`, `redhat-*`, `dedicated-admin`, and
/// regcred's own) must be named.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = super::shape::choosing))]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its fields are names and documentation")]
pub(crate) struct Namespaces {
    /// Names, and patterns with `*`, `?` and `[a-z]`. Default: `*` if there is a `selector`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), inner(regex(pattern = crate::names::pattern::NAMES))))]
    include: Option<Vec<String>>,
    /// Names and patterns to exclude. They override `include`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), inner(regex(pattern = crate::names::pattern::NAMES))))]
    exclude: Option<Vec<String>>,
    /// A label selector in the syntax of `kubectl -l`, such as `regcred.dev/profile=pull`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    selector: Option<String>,
}

#[cfg(feature = "schema")]
fn namespaces(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let chosen = generator.subschema_for::<Namespaces>();
    let list = serde_json::json!({ "type": "array", "items": { "type": "string", "pattern": crate::names::pattern::NAMES }, "minItems": 1, "uniqueItems": true });
    schemars::json_schema!({ "anyOf": [list, chosen] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::keys::keys;

    #[test]
    fn the_keys_of_a_section_are_the_fields_of_its_struct() {
        assert_eq!(keys::<Namespaces>(), ["include", "exclude", "selector"]);
        assert!(keys::<File>().contains(&"max_writes_per_second"));
    }
}
