//! The guard: admission policies for everything that regcred's ServiceAccount may write.
//!
//! RBAC restricts Secrets by name, but not by type. Permission to create a Secret of one name in every namespace is
//! dangerous. It allows creating a token of any ServiceAccount in `kube-system`, and reading it back. The guard
//! therefore checks the content of each write.
//!
//! The rules are in `guard.yaml` and are the same for every config. Variables before the rules hold the data of the
//! config: maps of what regcred does with each Secret in each place. Only these literals grow with the number of names.

use std::collections::{BTreeMap, BTreeSet};

use regcred_config::{Problem, Selection};
use regcred_core::{Namespace, SecretName};
use serde_json::{Value, json};

use crate::{
    cel::{LONGEST, NAMESPACES_AT_ONCE, SECRETS_AT_ONCE, any_text, is_selected, list, map, text},
    codes,
    need::{NamespaceRule, Need, Values},
    object::Site,
    yaml,
};

const RULES: &str = include_str!("guard.yaml");
/// Limit on the size of a policy, in bytes. etcd accepts objects of 1.5 MiB, and the server adds `managedFields`, and
/// `kubectl` an annotation.
const LARGEST: usize = 1_000_000;

/// Returns the policies and their bindings for an instance and its previous name, which may be empty. `events`: whether
/// regcred creates Events.
pub(crate) fn objects(site: &Site<'_>, need: &Need, [instance, previous]: [&str; 2], events: bool) -> Vec<Value> {
    let rules = yaml::read(RULES).expect("the rules are YAML");
    let data = data(site, need, instance, previous);
    let mut objects = vec![];
    for (part, group, resource) in
        [("secrets", "", "secrets"), ("accounts", "", "serviceaccounts"), ("events", "events.k8s.io", "events")]
    {
        if part == "events" && !events {
            continue;
        }
        let own = rules[part]["variables"].as_array().expect("there are variables");
        let variables = data.iter().filter(|(parts, ..)| parts.contains(&part));
        let variables = variables.map(|(_, name, expression)| json!({ "name": name, "expression": expression }));
        let spec = json!({
            "failurePolicy": "Fail",
            "matchConstraints": { "resourceRules": [{
                "apiGroups": [group], "apiVersions": ["v1"], "resources": [resource],
                "operations": ["CREATE", "UPDATE", "DELETE"], "scope": "Namespaced",
            }] },
            "matchConditions": [{
                "name": "written-by-regcred",
                "expression": format!("request.userInfo.username == {}", text(&site.user())),
            }],
            "variables": variables.chain(own.iter().cloned()).collect::<Vec<_>>(),
            "validations": rules[part]["validations"],
        });
        objects.extend(site.policy(&format!("-guard-{part}"), &spec));
    }
    objects
}

/// Returns the reasons why a server would refuse a policy. The rights must not be printed without the policy.
pub(crate) fn problems(objects: &[Value]) -> Vec<Problem> {
    const REMEDY: &str = "choose namespaces by pattern or label, or split the config into several instances";
    let mut problems = vec![];
    for policy in objects.iter().filter(|it| it["kind"] == "ValidatingAdmissionPolicy") {
        let name = policy["metadata"]["name"].as_str().unwrap_or_default();
        let expressions = ["variables", "validations"].map(|of| policy["spec"][of].as_array());
        let longest = expressions.into_iter().flatten().flatten().filter_map(|it| it["expression"].as_str());
        let longest = longest.map(|it| it.chars().count()).max().unwrap_or_default();
        if longest > LONGEST {
            problems.push(Problem::everywhere(format!(
                "targets: cannot print the guard {name}: an expression has {longest} characters, and an API server takes {LONGEST}: {REMEDY}"
            )).with_code(&codes::TOO_LARGE));
        }
        let size = policy.to_string().len();
        if size > LARGEST {
            problems.push(Problem::everywhere(format!(
                "targets: cannot print the guard {name}: it has {size} bytes, and an API server takes about {LARGEST}: {REMEDY}"
            )).with_code(&codes::TOO_LARGE));
        }
    }
    problems
}

const ALL: &[&str] = &["secrets", "accounts", "events"];
const WRITES: &[&str] = &["secrets", "accounts"];

/// Returns the variables that hold the config: the policies that need each one, its name and its expression.
fn data(
    site: &Site<'_>,
    need: &Need,
    instance: &str,
    previous: &str,
) -> Vec<(&'static [&'static str], String, String)> {
    let mut data = vec![];
    let mut define =
        |of: &'static [&'static str], name: &str, expression: String| data.push((of, name.to_owned(), expression));
    define(WRITES, "instance", text(instance));
    define(&["secrets"], "previous", text(previous));
    define(&["events"], "own_namespace", text(site.namespace.as_str()));
    define(&["secrets"], "labels", values(&need.labels));
    define(&["secrets"], "annotations", values(&need.annotations));
    let places = NamespaceSet::of(need);
    define(
        WRITES,
        "kinds",
        format!("[{}]", places.kinds.iter().map(|kind| list(*kind)).collect::<Vec<_>>().join(", ")),
    );
    let entries = places.entries.iter().map(|(key, kind)| (key, kind.to_string())).collect::<Vec<_>>();
    let mut parts = vec![];
    for (number, chunk) in entries.chunks(SECRETS_AT_ONCE).enumerate() {
        define(ALL, &format!("entries_{number}"), map(chunk.iter().cloned()));
        parts.push(format!("variables.entries_{number}"));
    }
    define(ALL, "entries", format!("[{}]", parts.join(", ")));
    let mut here = vec![];
    let named = places.named.iter().map(|(namespace, class)| (namespace, format!("'n{class}'"))).collect::<Vec<_>>();
    for (number, chunk) in named.chunks(NAMESPACES_AT_ONCE).enumerate() {
        define(ALL, &format!("named_{number}"), map(chunk.iter().cloned()));
        here.push(format!(
            "request.namespace in variables.named_{number} ? variables.named_{number}[request.namespace] : ''"
        ));
    }
    for (number, selection) in places.selections.iter().enumerate() {
        define(ALL, &format!("selected_{number}"), is_selected(selection, site.namespace));
        here.push(format!("variables.selected_{number} ? 's{number}' : ''"));
    }
    // The list may be long, and a server refuses operators that are nested more than 250 levels deep.
    define(ALL, "here", format!("[{}].filter(p, p != '')", here.join(", ")));
    let secrets = need.secrets().into_keys().collect::<Vec<_>>();
    let mut parts = vec![];
    for (number, chunk) in secrets.chunks(SECRETS_AT_ONCE).enumerate() {
        define(&["accounts"], &format!("names_{number}"), map(chunk.iter().map(|name| (name, "true".to_owned()))));
        parts.push(format!("variables.names_{number}"));
    }
    define(&["accounts"], "names", format!("[{}]", parts.join(", ")));
    data
}

/// Returns a map of the values of each key.
fn values(values: &Values) -> String {
    let list = |values: &BTreeSet<String>| values.iter().map(|it| any_text(it)).collect::<Vec<_>>().join(", ");
    map(values.iter().map(|(key, values)| (key, format!("[{}]", list(values)))))
}

/// The actions of regcred on each Secret in each place. Namespaces with the same Secrets and the same rules share one
/// place.
#[derive(Default)]
struct NamespaceSet<'a> {
    kinds: Vec<&'a BTreeSet<String>>,
    /// Each `PLACE/SECRET` and the index of its kind.
    entries: BTreeMap<String, usize>,
    /// The number of each namespace's place.
    named: BTreeMap<&'a Namespace, usize>,
    selections: Vec<&'a Selection>,
}

impl<'a> NamespaceSet<'a> {
    fn of(need: &'a Need) -> Self {
        let all = need.kinds.values().flat_map(BTreeMap::values).collect::<BTreeSet<_>>();
        let mut places = Self { kinds: all.into_iter().collect(), ..Self::default() };
        let mut classes = BTreeMap::<&BTreeMap<SecretName, BTreeSet<String>>, usize>::new();
        for (place, secrets) in &need.kinds {
            let NamespaceRule::Named(namespace) = place else { continue };
            let next = classes.len();
            let class = *classes.entry(secrets).or_insert(next);
            places.named.insert(namespace, class);
            if class == next {
                places.add(&format!("n{class}"), secrets);
            }
        }
        for selection in &need.order {
            places.add(
                &format!("s{}", places.selections.len()),
                &need.kinds[&NamespaceRule::Selected(selection.clone())],
            );
            places.selections.push(selection);
        }
        places
    }

    fn add(&mut self, place: &str, secrets: &BTreeMap<SecretName, BTreeSet<String>>) {
        for (name, kind) in secrets {
            let index = self.kinds.binary_search(&kind).expect("it is one of them");
            self.entries.insert(format!("{place}/{name}"), index);
        }
    }
}

#[cfg(test)]
mod tests {
    use regcred_config::{PLATFORM, PLATFORM_PREFIXES};

    use super::*;

    #[test]
    fn the_guard_and_the_config_list_the_same_platform_namespaces() {
        let names = format!("request.namespace in {}", list(PLATFORM));
        assert_eq!(RULES.matches(&names).count(), 1, "{names}");
        let prefixes =
            RULES.split("request.namespace.startsWith(").skip(1).map(|it| it.split('\'').nth(1).expect("a text"));
        assert_eq!(prefixes.collect::<Vec<_>>(), PLATFORM_PREFIXES);
    }
}
