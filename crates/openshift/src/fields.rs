//! Who owns which field of an object, as its `managedFields` say.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use serde_json::Value;

use crate::record::{EXPIRES_AT, HOSTS, INSTANCE, LINKS, MANAGED_BY, REFRESHED_AT, TARGET};

/// Where the credential stands, as `managedFields` names it.
pub(crate) const DATA: [&str; 2] = ["f:data", "f:.dockerconfigjson"];

/// The labels and annotations that are ours.
pub(crate) const MARKS: [(&str, &str); 7] = [
    ("f:labels", MANAGED_BY),
    ("f:labels", INSTANCE),
    ("f:annotations", TARGET),
    ("f:annotations", HOSTS),
    ("f:annotations", EXPIRES_AT),
    ("f:annotations", REFRESHED_AT),
    ("f:annotations", LINKS),
];

/// Whether somebody has set `immutable`, to whatever: the value alone tells.
pub(crate) fn may_be_immutable(metadata: &ObjectMeta) -> bool {
    entries(metadata).any(|it| it.fields_v1.as_ref().is_some_and(|fields| has(&fields.0, &["f:immutable"])))
}

/// Whether the latest write is one that a manager applied. The server notes whole seconds, and of two writes in one second it is neither.
pub(crate) fn is_latest(metadata: &ObjectMeta, manager: &str) -> bool {
    let is_own =
        |it: &&ManagedFieldsEntry| (it.manager.as_deref(), it.operation.as_deref()) == (Some(manager), Some("Apply"));
    let time = |it: &ManagedFieldsEntry| it.time.as_ref().map(|time| time.0);
    let (own, others) = entries(metadata).partition::<Vec<_>, _>(is_own);
    own.iter().any(|own| others.iter().all(|other| time(other) < time(own)))
}

pub(crate) fn value<'a>(map: Option<&'a BTreeMap<String, String>>, name: &str) -> Option<&'a str> {
    map?.get(name).map(String::as_str)
}

pub(crate) fn entries(metadata: &ObjectMeta) -> impl Iterator<Item = &ManagedFieldsEntry> {
    metadata.managed_fields.iter().flatten()
}

pub(crate) fn applied<'a>(metadata: &'a ObjectMeta, manager: &str) -> Option<&'a Value> {
    owned(metadata, manager, "Apply")
}

/// The fields that a manager has written by updates and patches.
pub(crate) fn updated<'a>(metadata: &'a ObjectMeta, manager: &str) -> Option<&'a Value> {
    owned(metadata, manager, "Update")
}

pub(crate) fn owned<'a>(metadata: &'a ObjectMeta, manager: &str, operation: &str) -> Option<&'a Value> {
    let is_it =
        |it: &&ManagedFieldsEntry| it.manager.as_deref() == Some(manager) && it.operation.as_deref() == Some(operation);
    entries(metadata).find(is_it)?.fields_v1.as_ref().map(|fields| &fields.0)
}

pub(crate) fn has(fields: &Value, path: &[impl AsRef<str>]) -> bool {
    path.iter().try_fold(fields, |at, step| at.get(step.as_ref())).is_some()
}

pub(crate) fn owner_of(metadata: &ObjectMeta, path: &[&str], us: (&str, &str)) -> String {
    others_of(metadata, path, us).unwrap_or_else(|| "somebody who removed it".into())
}

/// Who else applies a field, and would go on doing so.
pub(crate) fn applier_of(metadata: &ObjectMeta, path: &[&str], us: &str) -> Option<String> {
    let applies = |it: &&ManagedFieldsEntry| {
        let owns = it.fields_v1.as_ref().is_some_and(|fields| has(&fields.0, path));
        owns && it.operation.as_deref() == Some("Apply") && it.manager.as_deref() != Some(us)
    };
    quote(entries(metadata).filter(applies).filter_map(|it| it.manager.as_deref()))
}

/// Who else owns a field. Who takes our name for an update is not our apply, and stands in its way as anybody does.
pub(crate) fn others_of(metadata: &ObjectMeta, path: &[&str], us: (&str, &str)) -> Option<String> {
    let owns = |it: &&ManagedFieldsEntry| it.fields_v1.as_ref().is_some_and(|fields| has(&fields.0, path));
    let is_us = |it: &&ManagedFieldsEntry| (it.manager.as_deref(), it.operation.as_deref()) == (Some(us.0), Some(us.1));
    let others = entries(metadata).filter(owns).filter(|it| !is_us(it));
    quote(others.filter_map(|it| it.manager.as_deref()))
}

pub(crate) fn managers(metadata: &ObjectMeta) -> String {
    quote(entries(metadata).filter_map(|it| it.manager.as_deref()))
        .map_or_else(|| "nobody says who wrote it".into(), |names| format!("written by {names}"))
}

/// Who else writes it or has written it, besides these managers.
pub(crate) fn writers(metadata: &ObjectMeta, us: [&str; 2]) -> Vec<String> {
    let names = entries(metadata).filter_map(|it| it.manager.as_deref()).filter(|name| !us.contains(name));
    shown(names).iter().map(|name| name.trim_matches('"').to_owned()).collect()
}

/// Names that clients choose for themselves: escaped and cut.
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
