//! Create, replace and delete, with their preconditions.

use serde_json::{Value, json};

use super::{
    admission::Admission,
    failure::{Cause, Failure},
    fields::Change,
    kind::{Key, Kind},
    managed::Managers,
    store::Store,
    tree, validate,
};
use crate::id::uuid;

/// The manager of a write, and the rules that apply to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer<'a> {
    pub(super) manager: &'a str,
    /// Answers as usual, but stores nothing.
    pub(super) dry_run: bool,
    /// The admission checks.
    pub(super) admission: &'a Admission,
}

pub(super) fn create(store: &mut Store, key: &Key, object: Value, writer: Writer<'_>) -> Result<Value, Failure> {
    store.admit(key)?;
    writer.admission.admit_new(key)?;
    if store.get(key).is_some() {
        return Err(Failure::already_exists(key));
    }
    check_address(key, &object)?;
    let mut object = born(key, object, &store.moment());
    validate::settle(key, None, &mut object)?;
    let mut managers = Managers::default();
    managers.update(writer.manager, &Change::between(&json!({}), &object), &store.moment());
    object["metadata"]["managedFields"] = managers.write();
    Ok(store.commit(key, object, writer.dry_run))
}

pub(super) fn replace(store: &mut Store, key: &Key, object: Value, writer: Writer<'_>) -> Result<Value, Failure> {
    let old = store.get(key).cloned().ok_or_else(|| Failure::not_found(key))?;
    check_address(key, &object)?;
    if let Some(uid) = stated(&object, "uid").filter(|uid| old["metadata"]["uid"] != **uid) {
        return Err(uid_conflict(key, uid, &old));
    }
    update(store, key, &old, object, writer)
}

/// Stores the new state of an existing object.
pub(super) fn update(
    store: &mut Store,
    key: &Key,
    old: &Value,
    mut new: Value,
    writer: Writer<'_>,
) -> Result<Value, Failure> {
    validate::readable(key, &new)?;
    check_version_and_uid(key, old, &new)?;
    // `managedFields` in the request are used as they are. Without any, the stored ones stay.
    let mut managers = Managers::of(&new);
    if managers == Managers::default() {
        managers = Managers::of(old);
    }
    pin(key, old, &mut new);
    validate::settle(key, Some(old), &mut new)?;
    writer.admission.admit_change(key)?;
    managers.update(writer.manager, &Change::between(old, &new), &store.moment());
    new["metadata"]["managedFields"] = managers.write();
    Ok(store.commit(key, new, writer.dry_run))
}

/// Deletes an object, or starts to terminate a namespace. `options` is a `DeleteOptions` object or null.
pub(super) fn delete(store: &mut Store, key: &Key, options: &Value, dry_run: bool) -> Result<Value, Failure> {
    let old = store.get(key).ok_or_else(|| Failure::not_found(key))?;
    let wanted = &options["preconditions"];
    if let Some(uid) = wanted["uid"].as_str().filter(|uid| old["metadata"]["uid"] != **uid) {
        return Err(uid_conflict(key, uid, old));
    }
    if let Some(version) = wanted["resourceVersion"].as_str() {
        let there = &old["metadata"]["resourceVersion"];
        if there != version {
            let message = format!(
                "Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: {}",
                there.as_str().unwrap_or_default()
            );
            return Err(Failure::conflict(key, &message));
        }
    }
    let uid = old["metadata"]["uid"].clone();
    if key.kind == Kind::Namespace {
        let going = if dry_run { store.get(key).cloned() } else { store.terminate(&key.name) };
        return Ok(going.unwrap_or_default());
    }
    if !dry_run {
        store.remove(key);
    }
    Ok(json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": { "name": key.name, "kind": key.kind.resource(), "uid": uid },
    }))
}

/// Returns a non-empty text field of the metadata.
pub(super) fn stated<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object["metadata"][name].as_str().filter(|text| !text.is_empty())
}

/// Returns an error if the object does not match the path.
pub(super) fn check_address(key: &Key, object: &Value) -> Result<(), Failure> {
    validate::readable(key, object)?;
    let kind = object["kind"].as_str().unwrap_or(key.kind.name());
    let version = object["apiVersion"].as_str().unwrap_or(key.kind.version());
    if (version, kind) != (key.kind.version(), key.kind.name()) {
        let message = format!(
            "{kind} in version \"{version}\" cannot be handled as a {}: no kind \"{kind}\" is registered for it",
            key.kind.name()
        );
        return Err(Failure::bad_request(message));
    }
    if let Some(name) = stated(object, "name").filter(|name| *name != key.name) {
        let message = format!("the name of the object ({name}) does not match the name on the URL ({})", key.name);
        return Err(Failure::bad_request(message));
    }
    if stated(object, "namespace").is_some_and(|namespace| namespace != key.namespace) {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Failure::bad_request(message));
    }
    Ok(())
}

/// Checks the `resourceVersion` and `uid` of a request against the stored object.
pub(super) fn check_version_and_uid(key: &Key, old: &Value, new: &Value) -> Result<(), Failure> {
    if stated(new, "resourceVersion").is_some_and(|version| old["metadata"]["resourceVersion"] != *version) {
        return Err(Failure::stale(key));
    }
    if let Some(uid) = stated(new, "uid").filter(|uid| old["metadata"]["uid"] != **uid) {
        let message = format!("Invalid value: {uid:?}: field is immutable");
        return Err(Failure::invalid(key, &[Cause::new("FieldValueInvalid", "metadata.uid", message)]));
    }
    Ok(())
}

fn uid_conflict(key: &Key, uid: &str, old: &Value) -> Failure {
    let there = stated(old, "uid").unwrap_or_default();
    let message = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {there}");
    Failure::conflict(key, &message)
}

/// Adds the metadata that the server sets on a new object.
pub(super) fn born(key: &Key, mut object: Value, moment: &str) -> Value {
    let metadata = &mut object["metadata"];
    metadata["uid"] = uuid().into();
    metadata["creationTimestamp"] = moment.into();
    metadata["managedFields"] = Value::Null;
    metadata["resourceVersion"] = Value::Null;
    metadata["deletionTimestamp"] = Value::Null;
    if key.kind == Kind::Namespace {
        metadata["labels"]["kubernetes.io/metadata.name"] = key.name.as_str().into();
        object["spec"] = json!({ "finalizers": ["kubernetes"] });
        object["status"] = json!({ "phase": "Active" });
    }
    address(key, &mut object);
    object
}

/// Restores the fields that no write can change.
pub(super) fn pin(key: &Key, old: &Value, new: &mut Value) {
    for name in ["uid", "creationTimestamp", "deletionTimestamp", "resourceVersion"] {
        new["metadata"][name] = old["metadata"][name].clone();
    }
    new["metadata"]["managedFields"] = Value::Null;
    if key.kind == Kind::Namespace {
        new["metadata"]["labels"]["kubernetes.io/metadata.name"] = key.name.as_str().into();
        for name in ["spec", "status"] {
            new[name] = old[name].clone();
        }
    }
    address(key, new);
}

fn address(key: &Key, object: &mut Value) {
    object["apiVersion"] = key.kind.version().into();
    object["kind"] = key.kind.name().into();
    object["metadata"]["name"] = key.name.as_str().into();
    object["metadata"]["namespace"] = match key.kind {
        Kind::Namespace => Value::Null,
        _ => key.namespace.as_str().into(),
    };
    tree::tidy(object);
}
