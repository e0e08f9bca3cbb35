//! The managers of the fields of an object, from its `managedFields`.

use std::{borrow::Cow, collections::BTreeMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use serde_json::Value;

use crate::record::{EXPIRES_AT, HOSTS, INSTANCE, LINKS, MANAGED_BY, REFRESHED_AT, TARGET};

/// The path of the credential in `managedFields`.
pub(crate) const DATA: [&str; 2] = ["f:data", "f:.dockerconfigjson"];
pub(crate) const LABELS: &str = "f:labels";
pub(crate) const ANNOTATIONS: &str = "f:annotations";

/// The labels and annotations that regcred sets on its Secrets.
pub(crate) const MARKS: [(&str, &str); 7] = [
    (LABELS, MANAGED_BY),
    (LABELS, INSTANCE),
    (ANNOTATIONS, TARGET),
    (ANNOTATIONS, HOSTS),
    (ANNOTATIONS, EXPIRES_AT),
    (ANNOTATIONS, REFRESHED_AT),
    (ANNOTATIONS, LINKS),
];

/// A field manager and its operation: `Apply`, or `Update` for all other writes.
pub(crate) type Manager<'a> = (&'a str, &'a str);

/// Returns the path of a label or an annotation.
pub(crate) fn mark<'a>(map: &'a str, name: &str) -> [Cow<'a, str>; 3] {
    ["f:metadata".into(), map.into(), format!("f:{name}").into()]
}

pub(crate) fn value<'a>(map: Option<&'a BTreeMap<String, String>>, name: &str) -> Option<&'a str> {
    map?.get(name).map(String::as_str)
}

/// Returns the field managers of an object.
pub fn entries(metadata: &ObjectMeta) -> impl Iterator<Item = &ManagedFieldsEntry> {
    metadata.managed_fields.iter().flatten()
}

/// Returns whether an entry belongs to a manager.
pub(crate) fn is_of(entry: &ManagedFieldsEntry, manager: Manager<'_>) -> bool {
    (entry.manager.as_deref(), entry.operation.as_deref()) == (Some(manager.0), Some(manager.1))
}

pub(crate) fn is_apply(entry: &ManagedFieldsEntry) -> bool {
    entry.operation.as_deref() == Some("Apply")
}

/// Returns whether an entry contains a field.
pub(crate) fn owns(entry: &ManagedFieldsEntry, path: &[impl AsRef<str>]) -> bool {
    entry.fields_v1.as_ref().is_some_and(|fields| has(&fields.0, path))
}

pub(crate) fn has(fields: &Value, path: &[impl AsRef<str>]) -> bool {
    path.iter().try_fold(fields, |at, step| at.get(step.as_ref())).is_some()
}

/// Returns the fields that a manager owns.
pub(crate) fn owned<'a>(metadata: &'a ObjectMeta, manager: Manager<'_>) -> Option<&'a Value> {
    entries(metadata).find(|entry| is_of(entry, manager))?.fields_v1.as_ref().map(|fields| &fields.0)
}

/// Returns whether a manager owns a field.
pub(crate) fn is_owned(metadata: &ObjectMeta, manager: Manager<'_>, path: &[impl AsRef<str>]) -> bool {
    owned(metadata, manager).is_some_and(|fields| has(fields, path))
}

/// Returns whether any manager has set `immutable`. Its value is not in `managedFields`.
pub(crate) fn may_be_immutable(metadata: &ObjectMeta) -> bool {
    entries(metadata).any(|entry| owns(entry, &["f:immutable"]))
}

/// Returns whether the latest write was an apply of this manager. The server records whole seconds. If two writes have
/// the same second, neither counts as the latest.
pub(crate) fn is_latest(metadata: &ObjectMeta, manager: &str) -> bool {
    let time = |it: &ManagedFieldsEntry| it.time.as_ref().map(|time| time.0);
    let (own, others) = entries(metadata).partition::<Vec<_>, _>(|entry| is_of(entry, (manager, "Apply")));
    own.iter().any(|own| others.iter().all(|other| time(other) < time(own)))
}

/// Returns the names of the other owners of a field, for messages.
pub(crate) fn owner_of(metadata: &ObjectMeta, path: &[impl AsRef<str>], us: Manager<'_>) -> String {
    others_of(metadata, path, us).unwrap_or_else(|| "a writer that removed it".into())
}

/// Returns the other managers that apply a field, and would apply it again.
pub(crate) fn applier_of(metadata: &ObjectMeta, path: &[impl AsRef<str>], us: &str) -> Option<String> {
    named(metadata, |entry| owns(entry, path) && is_apply(entry) && entry.manager.as_deref() != Some(us))
}

/// Returns the other owners of a field. An update under our own name is not our apply, and conflicts with it.
pub(crate) fn others_of(metadata: &ObjectMeta, path: &[impl AsRef<str>], us: Manager<'_>) -> Option<String> {
    named(metadata, |entry| owns(entry, path) && !is_of(entry, us))
}

pub(crate) fn managers(metadata: &ObjectMeta) -> String {
    named(metadata, |_| true).map_or_else(|| "its writer is unknown".into(), |names| format!("written by {names}"))
}

/// Returns the managers of the object, except these two.
pub(crate) fn writers(metadata: &ObjectMeta, us: [&str; 2]) -> Vec<String> {
    let names = entries(metadata).filter_map(|it| it.manager.as_deref()).filter(|name| !us.contains(name));
    shown(names).iter().map(|name| name.trim_matches('"').to_owned()).collect()
}

/// Returns the names of the managers of some entries, for messages.
pub(crate) fn named(metadata: &ObjectMeta, takes: impl Fn(&ManagedFieldsEntry) -> bool) -> Option<String> {
    quote(entries(metadata).filter(|entry| takes(entry)).filter_map(|entry| entry.manager.as_deref()))
}

/// Escapes and truncates names, because clients choose them.
pub(crate) fn quote<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names = shown(names);
    (!names.is_empty()).then(|| names.join(", "))
}

fn shown<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names =
        names.map(|name| name.chars().take(64).collect::<String>()).map(|it| format!("{it:?}")).collect::<Vec<_>>();
    names.sort();
    names.dedup();
    names.truncate(5);
    names
}
