//! Validation of objects, and the changes that a Secret allows.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::{
    failure::{Cause, Failure},
    kind::{Key, Kind},
    tree,
};

/// The size limit for all values of a Secret together, in bytes.
const LARGEST: usize = 1024 * 1024;

/// Converts a new state to its stored form. Returns an error if a real server would refuse it.
pub(super) fn settle(key: &Key, old: Option<&Value>, new: &mut Value) -> Result<(), Failure> {
    if key.kind == Kind::Secret {
        fold_string_data(key, new)?;
        if new["type"].as_str().is_none_or(str::is_empty) {
            new["type"] = "Opaque".into();
        }
    }
    tree::tidy(new);
    let mut causes = Vec::new();
    match key.kind {
        Kind::Secret => {
            strings(key, "data", &new["data"])?;
            secret(new, &mut causes);
            if let Some(old) = old {
                secret_update(old, new, &mut causes);
            }
        }
        Kind::ServiceAccount => {
            references(key, "imagePullSecrets", new)?;
            references(key, "secrets", new)?;
        }
        Kind::Namespace | Kind::ConfigMap | Kind::CronJob | Kind::Deployment | Kind::Template => {}
    }
    if causes.is_empty() { Ok(()) } else { Err(Failure::invalid(key, &causes)) }
}

/// Returns an error if the object or its metadata has the wrong type.
pub(super) fn readable(key: &Key, object: &Value) -> Result<(), Failure> {
    if !object.is_object() {
        return Err(unreadable(key, "it is not an object"));
    }
    let metadata = &object["metadata"];
    if !(metadata.is_object() || metadata.is_null()) {
        return Err(unreadable(key, "metadata is not an object"));
    }
    strings(key, "labels", &metadata["labels"])?;
    strings(key, "annotations", &metadata["annotations"])
}

fn unreadable(key: &Key, what: &str) -> Failure {
    let kind = key.kind.name();
    Failure::bad_request(format!("{kind} in version \"v1\" cannot be handled as a {kind}: {what}"))
}

fn strings(key: &Key, name: &str, map: &Value) -> Result<(), Failure> {
    let right = match map {
        Value::Null => true,
        Value::Object(map) => map.values().all(|value| value.is_string() || value.is_null()),
        _ => false,
    };
    if right { Ok(()) } else { Err(unreadable(key, &format!("{name} is not a map of strings"))) }
}

fn references(key: &Key, name: &str, object: &Value) -> Result<(), Failure> {
    let right = match &object[name] {
        Value::Null => true,
        Value::Array(items) => items.iter().all(Value::is_object),
        _ => false,
    };
    if right { Ok(()) } else { Err(unreadable(key, &format!("{name} is not a list of references"))) }
}

/// Merges the write-only `stringData` into `data`.
fn fold_string_data(key: &Key, secret: &mut Value) -> Result<(), Failure> {
    let plain = secret["stringData"].take();
    strings(key, "stringData", &plain)?;
    for (name, value) in plain.as_object().into_iter().flatten() {
        if !secret["data"].is_object() {
            secret["data"] = Value::Object(Map::new());
        }
        secret["data"][name] = STANDARD.encode(value.as_str().unwrap_or_default()).into();
    }
    Ok(())
}

fn secret(secret: &Value, causes: &mut Vec<Cause>) {
    let mut size = 0;
    for (name, value) in secret["data"].as_object().into_iter().flatten() {
        match STANDARD.decode(value.as_str().unwrap_or_default()) {
            Ok(bytes) => size += bytes.len(),
            Err(error) => {
                let message = format!("Invalid value: \"<secret contents redacted>\": illegal base64 data: {error}");
                causes.push(Cause::new("FieldValueInvalid", format!("data[{name}]"), message));
            }
        }
    }
    if size > LARGEST {
        let message = format!("Too long: may not be more than {LARGEST} bytes");
        causes.push(Cause::new("FieldValueTooLong", "data", message));
    }
    let key = match secret["type"].as_str() {
        Some("kubernetes.io/dockerconfigjson") => ".dockerconfigjson",
        Some("kubernetes.io/dockercfg") => ".dockercfg",
        _ => return,
    };
    let field = format!("data[{key}]");
    let Some(value) = secret["data"][key].as_str() else {
        causes.push(Cause::new("FieldValueRequired", field, "Required value"));
        return;
    };
    // Invalid base64 is reported above.
    let Ok(bytes) = STANDARD.decode(value) else { return };
    if serde_json::from_slice::<Map<String, Value>>(&bytes).is_err() {
        let message = "Invalid value: \"<secret contents redacted>\": the value is not a JSON object";
        causes.push(Cause::new("FieldValueInvalid", field, message));
    }
}

fn secret_update(old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    if old["type"] != new["type"] {
        let message = format!("Invalid value: {}: field is immutable", new["type"]);
        causes.push(Cause::new("FieldValueInvalid", "type", message));
    }
    if old["immutable"] == true {
        let mut forbid = |field| {
            let message = "Forbidden: field is immutable when `immutable` is set";
            causes.push(Cause::new("FieldValueForbidden", field, message));
        };
        if new["immutable"] != true {
            forbid("immutable");
        }
        if old["data"] != new["data"] {
            forbid("data");
        }
    }
}
