//! The wall around the rights: a ValidatingAdmissionPolicy for whatever regcred's ServiceAccount writes.
//!
//! RBAC knows names and no types: who may create a Secret of one name in every namespace could create it in `kube-system` as a
//! token of a ServiceAccount there, and read that token back. So what is written is judged by its content too. The expressions
//! are those of Kubernetes 1.30.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    cel::{NAMES_AT_ONCE, all_of, is_named, is_selected, list, one_of, text},
    need::Need,
    object::{INSTANCE, Site},
};

const TYPE: &str = "kubernetes.io/dockerconfigjson";
const SECRETS: &str = "request.resource.resource == 'secrets'";
const ACCOUNTS: &str = "request.resource.resource == 'serviceaccounts'";
/// The lists of a ServiceAccount, and what they are called here.
const LISTS: [(&str, &str); 2] = [("imagePullSecrets", "pull"), ("secrets", "mount")];
const IS_DELETE: &str = "request.operation == 'DELETE'";

/// The policy and its binding.
pub(crate) fn objects(site: &Site<'_>, need: &Need, instance: &str) -> [Value; 2] {
    let spec = json!({
        "failurePolicy": "Fail",
        "matchConstraints": { "resourceRules": [{
            "apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets", "serviceaccounts"],
            "operations": ["CREATE", "UPDATE", "DELETE"], "scope": "Namespaced",
        }] },
        "matchConditions": [{
            "name": "written-by-regcred",
            "expression": format!("request.userInfo.username == {}", text(&site.user())),
        }],
        "variables": variables(site, need),
        "validations": validations(need, instance),
    });
    site.policy("-guard", &spec)
}

fn variables(site: &Site<'_>, need: &Need) -> Value {
    let mut variables = vec![];
    let mut define = |name: &str, expression: String| variables.push(json!({ "name": name, "expression": expression }));
    for (number, place) in need.secrets().values().enumerate() {
        let named = place.named.iter().collect::<Vec<_>>();
        let mut parts = vec![];
        for (chunk, names) in named.chunks(NAMES_AT_ONCE).enumerate() {
            if named.len() <= NAMES_AT_ONCE {
                parts.push(is_named(names));
            } else {
                let name = format!("named_{number}_{chunk}");
                define(&name, is_named(names));
                parts.push(format!("variables.{name}"));
            }
        }
        parts.extend(place.selections.iter().map(|selection| is_selected(selection, site.namespace)));
        define(&format!("here_{number}"), one_of(parts));
    }
    // There is no old object where one is made.
    for (name, field) in [("labels", "metadata.labels"), ("data", "data")] {
        define(&format!("{name}_new"), format!("has(object.{field}) ? object.{field} : {{}}"));
        define(
            &format!("{name}_old"),
            format!("oldObject != null && has(oldObject.{field}) ? oldObject.{field} : {{}}"),
        );
    }
    let own = list(need.secrets().keys());
    for (list, name) in LISTS {
        for (object, when) in [("object", "new"), ("oldObject", "old")] {
            define(&format!("{name}_{when}"), format!("has({object}.{list}) ? {object}.{list} : []"));
            let others = format!("variables.{name}_{when}.filter(it, !(has(it.name) && it.name in {own}))");
            define(&format!("{name}_{when}_others"), others);
        }
    }
    variables.into()
}

fn validations(need: &Need, instance: &str) -> Value {
    let secrets = need.secrets();
    // Where each Secret may be: the variables are in the order of the names.
    let here = |name: &str| {
        let number = secrets.keys().position(|it| it.as_str() == name);
        format!("variables.here_{}", number.expect("it is one of them"))
    };
    let unless = |condition: &str, then: &str| format!("!({condition}) || ({then})");
    let write = format!("{SECRETS} && !({IS_DELETE})");
    let may_be = one_of(
        secrets
            .keys()
            .map(|name| format!("object.metadata.name == {} && {}", text(name.as_str()), here(name.as_str()))),
    );
    let labels = "oldObject.metadata.labels";
    let is_label = |key: &str, value: &str| format!("{} in {labels} && {labels}[{0}] == {}", text(key), text(value));
    let is_ours = all_of([
        format!("has({labels})"),
        is_label("app.kubernetes.io/managed-by", "regcred"),
        is_label(INSTANCE, instance),
    ]);
    let update = format!("{ACCOUNTS} && request.operation == 'UPDATE'");
    let others = all_of(LISTS.map(|(_, it)| format!("variables.{it}_new_others == variables.{it}_old_others")));
    let links =
        LISTS.map(|(_, list)| all_of(secrets.keys().map(|name| linked(list, name.as_str(), &here(name.as_str())))));
    let marks = list(
        ["app.kubernetes.io/managed-by", INSTANCE]
            .into_iter()
            .chain(need.labels.iter().map(String::as_str))
            .collect::<BTreeSet<_>>(),
    );
    let same = |map: &str| format!("(k in variables.{map}_old && variables.{map}_new[k] == variables.{map}_old[k])");
    let data = format!(
        "variables.data_new.all(k, k == '.dockerconfigjson' || {}) && variables.data_old.all(k, k in variables.data_new)",
        same("data")
    );
    let labels = format!("variables.labels_new.all(k, k in {marks} || {})", same("labels"));
    let rules = [
        (
            unless(&write, &format!("object.type == {}", text(TYPE))),
            format!("regcred writes Secrets of type {TYPE} alone"),
        ),
        (unless(&write, &may_be), "regcred's config has no such Secret in this namespace".to_owned()),
        (unless(&write, "!has(object.immutable) || !object.immutable"), "regcred makes no Secret immutable".into()),
        (unless(&write, &kept()), "of a Secret regcred changes neither finalizers nor owners".into()),
        (unless(&write, &data), "of a Secret's data regcred writes .dockerconfigjson alone".into()),
        (unless(&write, &labels), "regcred sets no labels but its own and those of its config".into()),
        (unless(&format!("{SECRETS} && {IS_DELETE}"), &is_ours), "regcred deletes its own Secrets alone".into()),
        (unless(ACCOUNTS, "request.operation == 'UPDATE'"), "regcred neither makes nor deletes ServiceAccounts".into()),
        (unless(&update, &unchanged()), "of a ServiceAccount regcred changes its lists of Secrets alone".into()),
        (unless(&update, &others), "of a ServiceAccount's lists regcred leaves every entry of others".into()),
        (
            unless(&update, &all_of(links)),
            "regcred's config links no such Secret in this namespace, and none twice".into(),
        ),
    ];
    rules.map(|(expression, message)| json!({ "expression": expression, "message": message })).to_vec().into()
}

/// Whether a Secret is added to a list only where it may be, and not twice.
fn linked(list: &str, name: &str, here: &str) -> String {
    let is_it = format!("has(it.name) && it.name == {}", text(name));
    let (new, old) = (format!("variables.{list}_new"), format!("variables.{list}_old"));
    let more = format!("{new}.filter(it, {is_it}).size() <= {old}.filter(it, {is_it}).size()");
    format!("{more} || ({here} && {new}.filter(it, {is_it}).size() <= 1)")
}

/// Whether of a Secret's marks those that stop others are as they were; of one that is made there are none.
fn kept() -> String {
    all_of(["metadata.finalizers", "metadata.ownerReferences"].map(|field| {
        let (new, old) = (format!("object.{field}"), format!("oldObject.{field}"));
        format!("has({new}) ? (oldObject != null && has({old}) && {new} == {old}) : (oldObject == null || !has({old}))")
    }))
}

/// Whether everything of a ServiceAccount but its lists is as it was.
fn unchanged() -> String {
    let fields = [
        "metadata.labels",
        "metadata.annotations",
        "metadata.finalizers",
        "metadata.ownerReferences",
        "automountServiceAccountToken",
    ];
    all_of(fields.map(|field| {
        let (new, old) = (format!("object.{field}"), format!("oldObject.{field}"));
        format!("has({new}) ? (has({old}) && {new} == {old}) : !has({old})")
    }))
}
