//! The grammar of a config file. The known keys, the JSON schema and the reference page all come from here.
//!
//! Most of its structs are never built: `read` judges each value by itself, so that it reports all problems at once.

use std::collections::BTreeMap;

use figment::value::Value;
use serde::Deserialize;

use super::secret::{AccountLink, RawSecret};

/// Who needs a login for which registries, and how it is kept.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its fields are names and documentation")]
pub(crate) struct File {
    /// The version of this grammar: 1. Default: 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1)))]
    version: Option<u64>,
    /// Names this installation, so that two in one cluster do not write each other's Secrets. Default: `default`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::names::pattern::NAME)))]
    instance: Option<String>,
    /// The name that `instance` had before: its Secrets are taken over, without a gap. Stop that installation first. Default: none.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::names::pattern::NAME)))]
    previous_instance: Option<String>,
    /// When the CronJob makes its passes. In the daemon: runs that add refreshes to those planned from each credential's own life.
    /// Five fields in the grammar of Kubernetes CronJobs, or `@hourly` and its like. A schedule whose pauses let tokens expire is
    /// refused. Default: none, and the CronJob makes a pass every 15 minutes.
    schedule: Option<String>,
    /// The IANA name of the schedule's time zone, such as `Europe/Berlin`. Default: `UTC`.
    time_zone: Option<String>,
    /// Where credentials come from, by a name of one's own. Default: none. Targets then name their registries themselves.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::shape::any"))]
    providers: BTreeMap<String, Value>,
    /// Where credentials are kept, by a name of one's own. Default: the cluster that regcred runs in, else that of the
    /// kubeconfig.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::shape::any"))]
    sinks: BTreeMap<String, Value>,
    /// What entries of `targets` say unless they say otherwise.
    defaults: Option<Defaults>,
    /// Who needs what. Entries for the same Secret of the same namespaces are united.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    targets: Vec<Target>,
    /// How many writes a second of what falls due; 0: as fast as the cluster takes them. For the daemon. Default: 50.
    max_writes_per_second: Option<u32>,
    /// How often the daemon reads a target that it does not watch, such as `5m`. Default: `5m`.
    resync: Option<String>,
    /// Whether Secrets that nothing asks for any more are removed. For the daemon. Default: `false`.
    prune: Option<bool>,
}

/// What entries of `targets` say unless they say otherwise.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its fields are names and documentation")]
pub(crate) struct Defaults {
    /// How the Secret is kept. Labels and annotations are united with those of an entry, which wins.
    secret: Option<RawSecret>,
    /// Which ServiceAccounts use the Secret.
    service_accounts: Option<Vec<AccountLink>>,
}

/// Namespaces, what they need a login for, and how the Secret is kept there.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its fields are names and documentation")]
pub(crate) struct Target {
    /// One namespace. Either this or `namespaces`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::names::pattern::NAME)))]
    namespace: Option<String>,
    /// Several namespaces: a list of names and patterns, or a map that chooses.
    #[cfg_attr(feature = "schema", schemars(schema_with = "namespaces"))]
    namespaces: Option<Value>,
    /// Entries of `providers`, by name: the Secret holds the logins of all of them. Either this, or keys that name the registries.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), extend("uniqueItems" = true)))]
    providers: Option<Vec<String>>,
    /// Which entry of `sinks`. Default: the only one.
    sink: Option<String>,
    /// How the Secret is kept.
    secret: Option<RawSecret>,
    /// Which ServiceAccounts use the Secret. Default: `default` to pull; `builder` and `pipeline`, where they exist, to pull and
    /// to push. Of a Secret that is merged into: nobody else. With a provider whose `access` is `push`: only `builder` and
    /// `pipeline`.
    service_accounts: Option<Vec<AccountLink>>,
}

/// Namespaces that are chosen: those that match a pattern of `include` and the `selector`, and those that `include` names
/// outright. Namespaces of the platform (`default`, `openshift`, `openshift-*`, `kube-*`, `redhat-*`, `dedicated-admin`, and
/// regcred's own) have to be named.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = super::shape::choosing))]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its fields are names and documentation")]
pub(crate) struct Namespaces {
    /// Names, and patterns with `*`, `?` and `[a-z]`. Default: `*` where there is a `selector`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), inner(regex(pattern = crate::names::pattern::NAMES))))]
    include: Option<Vec<String>>,
    /// Names and patterns that are not taken, whatever else is said.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), inner(regex(pattern = crate::names::pattern::NAMES))))]
    exclude: Option<Vec<String>>,
    /// A label selector as `kubectl -l` has it, such as `regcred.dev/profile=pull`.
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
    fn the_keys_of_a_part_are_the_fields_of_its_struct() {
        assert_eq!(keys::<Namespaces>(), ["include", "exclude", "selector"]);
        assert!(keys::<File>().contains(&"max_writes_per_second"));
    }
}
