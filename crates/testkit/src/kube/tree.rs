//! The structure of objects: maps, keyed lists and leaves, and access along a path.

use serde_json::{Map, Value, json};

use super::path::Path;

/// Returns whether items of the list are identified by their `name`. All other lists are one value.
fn is_keyed_list(path: &[String]) -> bool {
    path == ["f:secrets"]
}

/// Returns whether the object has fixed fields. No manager owns such an object as a whole.
pub(super) fn is_struct(path: &[String]) -> bool {
    matches!(path, []) || matches!(path, [top] if matches!(top.as_str(), "f:metadata" | "f:spec" | "f:status"))
}

/// Returns whether the field belongs to the server. No manager owns such a field.
pub(super) fn is_of_the_server(path: &[String], step: &str) -> bool {
    match path {
        [] => matches!(step, "f:apiVersion" | "f:kind"),
        [top] if top == "f:metadata" => matches!(
            step,
            "f:name"
                | "f:namespace"
                | "f:uid"
                | "f:resourceVersion"
                | "f:generation"
                | "f:creationTimestamp"
                | "f:deletionTimestamp"
                | "f:selfLink"
                | "f:managedFields"
        ),
        _ => false,
    }
}

/// Returns the steps below a value. A leaf has none.
pub(super) fn children<'a>(path: &[String], value: &'a Value) -> Vec<(String, &'a Value)> {
    match value {
        // Items of keyed lists are references, which a manager owns as a whole.
        Value::Object(_) if path.len() > 1 && is_keyed_list(&path[..path.len() - 1]) => Vec::new(),
        Value::Object(map) => map.iter().map(|(name, value)| (format!("f:{name}"), value)).collect(),
        Value::Array(items) if is_keyed_list(path) => items.iter().map(|item| (item_step(item), item)).collect(),
        _ => Vec::new(),
    }
}

fn item_step(item: &Value) -> String {
    format!("k:{}", json!({ "name": item["name"] }))
}

/// Merges an applied configuration into an object.
pub(super) fn merge(path: &mut Path, object: &mut Value, config: &Value) {
    match (&mut *object, config) {
        (Value::Object(object), Value::Object(config)) => {
            for (name, value) in config {
                let step = format!("f:{name}");
                if value.is_null() || is_of_the_server(path, &step) {
                    continue;
                }
                path.push(step);
                match object.get_mut(name) {
                    Some(there) => merge(path, there, value),
                    None => drop(object.insert(name.clone(), value.clone())),
                }
                path.pop();
            }
        }
        (Value::Array(items), Value::Array(config)) if is_keyed_list(path) => {
            for item in config {
                match items.iter_mut().find(|there| there["name"] == item["name"]) {
                    Some(there) => *there = item.clone(),
                    None => items.push(item.clone()),
                }
            }
        }
        _ => object.clone_from(config),
    }
}

/// Removes a field. A map that is not empty stays.
pub(super) fn remove(value: &mut Value, path: &[String]) {
    let Some((step, rest)) = path.split_first() else { return };
    if let Value::Array(items) = value {
        items.retain(|item| item_step(item) != *step);
        return;
    }
    let (Some(name), Some(map)) = (step.strip_prefix("f:"), value.as_object_mut()) else { return };
    let Some(below) = map.get_mut(name) else { return };
    if !rest.is_empty() {
        remove(below, rest);
    } else if below.as_object().is_none_or(Map::is_empty) {
        map.remove(name);
    }
}

/// Converts an object to its stored form. It removes nulls, and empty maps and lists that mean the same as absence.
pub(super) fn tidy(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    fields.retain(|name, value| {
        if matches!(name.as_str(), "metadata" | "spec") {
            tidy(value);
            return true;
        }
        if let Value::Object(map) = value {
            map.retain(|_, value| !value.is_null());
        }
        !(value.is_null()
            || value.as_object().is_some_and(Map::is_empty)
            || value.as_array().is_some_and(Vec::is_empty))
    });
}
