//! Merge patches and JSON patches.

use serde_json::{Map, Value};

use super::{
    failure::Failure,
    kind::Key,
    store::Store,
    write::{Writer, update},
};

/// Applies a merge patch (RFC 7386).
pub(super) fn merge_patch(store: &mut Store, key: &Key, patch: &Value, writer: Writer<'_>) -> Result<Value, Failure> {
    let old = store.get(key).cloned().ok_or_else(|| Failure::not_found(key))?;
    if !patch.is_object() {
        return Err(Failure::bad_request("a merge patch is a JSON object"));
    }
    let mut new = old.clone();
    merge(&mut new, patch);
    update(store, key, &old, new, writer)
}

/// Applies a JSON patch (RFC 6902) with the operations `add`, `replace`, `remove` and `test`.
pub(super) fn json_patch(store: &mut Store, key: &Key, patch: &Value, writer: Writer<'_>) -> Result<Value, Failure> {
    let old = store.get(key).cloned().ok_or_else(|| Failure::not_found(key))?;
    let steps = patch.as_array().ok_or_else(|| Failure::bad_request("a JSON patch is a list"))?;
    let mut new = old.clone();
    for step in steps {
        // The real server's message for a step that does not apply is this short too.
        step_of(&mut new, step).ok_or_else(|| {
            Failure::new(422, "Invalid", "the server rejected our request due to an error in our request")
        })?;
    }
    update(store, key, &old, new, writer)
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    for (name, value) in patch {
        if value.is_null() {
            if let Some(target) = target.as_object_mut() {
                target.remove(name);
            }
        } else {
            merge(&mut target[name.as_str()], value);
        }
    }
}

/// Applies one operation. Returns `None` and changes nothing if it does not apply.
fn step_of(object: &mut Value, step: &Value) -> Option<()> {
    let path = step["path"].as_str()?;
    match step["op"].as_str()? {
        "test" => (object.pointer(path)? == step.get("value")?).then_some(()),
        "replace" => {
            object.pointer_mut(path)?.clone_from(step.get("value")?);
            Some(())
        }
        "add" => add(object, path, step.get("value")?.clone()),
        "remove" => remove(object, path),
        _ => None,
    }
}

fn add(object: &mut Value, path: &str, value: Value) -> Option<()> {
    let (parent, last) = path.rsplit_once('/')?;
    match object.pointer_mut(parent)? {
        Value::Object(map) => drop(map.insert(unescape(last), value)),
        Value::Array(items) if last == "-" => items.push(value),
        Value::Array(items) => {
            let at = last.parse().ok().filter(|at| *at <= items.len())?;
            items.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(object: &mut Value, path: &str) -> Option<()> {
    let (parent, last) = path.rsplit_once('/')?;
    match object.pointer_mut(parent)? {
        Value::Object(map) => map.remove(&unescape(last)).map(drop),
        Value::Array(items) => {
            let at = last.parse().ok().filter(|at| *at < items.len())?;
            items.remove(at);
            Some(())
        }
        _ => None,
    }
}

fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_patch_sets_removes_and_replaces_lists() {
        let mut object = json!({ "a": { "b": 1, "c": 2 }, "list": [1, 2], "text": "x" });
        merge(&mut object, &json!({ "a": { "b": null, "d": { "e": null, "f": 3 } }, "list": [3], "text": { "y": 1 } }));
        assert_eq!(object, json!({ "a": { "c": 2, "d": { "f": 3 } }, "list": [3], "text": { "y": 1 } }));
    }

    #[test]
    fn a_json_patch_step_applies_or_changes_nothing() {
        let start = json!({ "a/b": 1, "list": [1, 3], "map": { "x": 1 } });
        for (step, end) in [
            (json!({ "op": "add", "path": "/list/1", "value": 2 }), Some(json!([1, 2, 3]))),
            (json!({ "op": "add", "path": "/list/-", "value": 4 }), Some(json!([1, 3, 4]))),
            (json!({ "op": "add", "path": "/list/7", "value": 4 }), None),
            (json!({ "op": "remove", "path": "/list/0" }), Some(json!([3]))),
            (json!({ "op": "replace", "path": "/list/0", "value": 9 }), Some(json!([9, 3]))),
            (json!({ "op": "replace", "path": "/list/2", "value": 9 }), None),
            (json!({ "op": "test", "path": "/list/0", "value": 1 }), Some(json!([1, 3]))),
            (json!({ "op": "test", "path": "/list/0", "value": 2 }), None),
            (json!({ "op": "move", "path": "/list/0" }), None),
        ] {
            let mut object = start.clone();
            let done = step_of(&mut object, &step).map(|()| object["list"].clone());
            assert_eq!(done, end, "{step}");
        }
        let mut object = start;
        assert_eq!(step_of(&mut object, &json!({ "op": "remove", "path": "/a~1b" })), Some(()));
        assert_eq!(step_of(&mut object, &json!({ "op": "add", "path": "/map/y", "value": 2 })), Some(()));
        assert_eq!(object, json!({ "list": [1, 3], "map": { "x": 1, "y": 2 } }));
    }
}
