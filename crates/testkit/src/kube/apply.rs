//! Server-side apply.

use serde_json::{Value, json};

use super::{
    failure::{Cause, Failure},
    fields::{Change, FieldSet},
    kind::Key,
    managed::Managers,
    store::Store,
    tree, validate,
    write::{Writer, born, check_address, check_version_and_uid, pin, stated},
};

/// The result of an apply.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) object: Value,
    pub(super) created: bool,
}

/// Applies a configuration. With `force`, the apply takes over fields of other managers. Without it, they are
/// conflicts.
pub(super) fn apply(
    store: &mut Store,
    key: &Key,
    config: &Value,
    force: bool,
    writer: Writer<'_>,
) -> Result<Applied, Failure> {
    check_config(key, config)?;
    match store.get(key).cloned() {
        Some(old) => {
            let object = apply_over(store, key, &old, config, force, writer)?;
            Ok(Applied { object, created: false })
        }
        None => Ok(Applied { object: apply_new(store, key, config, writer)?, created: true }),
    }
}

/// Creates the object of an apply. A `resourceVersion` is ignored. A `uid` is a conflict, because it names a deleted
/// object.
fn apply_new(store: &mut Store, key: &Key, config: &Value, writer: Writer<'_>) -> Result<Value, Failure> {
    store.admit(key)?;
    if let Some(uid) = stated(config, "uid") {
        let message =
            format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
        return Err(Failure::conflict(key, &message));
    }
    let mut object = born(key, config.clone(), &store.moment());
    validate::settle(key, None, &mut object)?;
    writer.admission.admit_new(key)?;
    let mut managers = Managers::default();
    let change = Change::between(&json!({}), config);
    managers.apply(writer.manager, FieldSet::applied(config), &change, &store.moment());
    object["metadata"]["managedFields"] = managers.write();
    Ok(store.commit(key, object, writer.dry_run))
}

fn apply_over(
    store: &mut Store,
    key: &Key,
    old: &Value,
    config: &Value,
    force: bool,
    writer: Writer<'_>,
) -> Result<Value, Failure> {
    let mut managers = Managers::of(old);
    let fields = FieldSet::applied(config);
    let mut new = old.clone();
    tree::merge(&mut Vec::new(), &mut new, config);
    for field in managers.applied_by(writer.manager).iter() {
        if !fields.contains(field) && !managers.others_own(writer.manager, field) {
            tree::remove(&mut new, field);
        }
    }
    // A map that lost its last field counts as removed, not as changed.
    tree::tidy(&mut new);
    let change = Change::between(old, &new);
    let conflicts = managers.conflicts(writer.manager, &change);
    if !force && !conflicts.is_empty() {
        return Err(Failure::owned_by_others(&conflicts));
    }
    check_version_and_uid(key, old, config)?;
    pin(key, old, &mut new);
    validate::settle(key, Some(old), &mut new)?;
    writer.admission.admit_change(key)?;
    managers.apply(writer.manager, fields, &change, &store.moment());
    new["metadata"]["managedFields"] = managers.write();
    Ok(store.commit(key, new, writer.dry_run))
}

fn check_config(key: &Key, config: &Value) -> Result<(), Failure> {
    for name in ["apiVersion", "kind"] {
        if config[name].as_str().is_none_or(str::is_empty) {
            return Err(Failure::bad_request(format!("an applied configuration names its {name}")));
        }
    }
    check_address(key, config)?;
    if config["metadata"]["managedFields"].as_array().is_some_and(|entries| !entries.is_empty()) {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    Ok(())
}

/// Returns the error for an apply without a field manager.
pub(super) fn manager_missing() -> Failure {
    let message = "Required value: is required for apply patch";
    let cause = Cause::new("FieldValueRequired", "fieldManager", message);
    Failure::invalid_object("PatchOptions.meta.k8s.io", "", &[cause])
}
