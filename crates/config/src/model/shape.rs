//! Parts of the JSON schema that no type expresses: rules between keys, and forms of names.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::{
    grammar::{VERIFY, VERIFY_REPOSITORY},
    names::pattern::{KEY, NAME, REPOSITORY, VALUE},
};

/// Returns the schema of a part that the types of a program describe.
pub(crate) fn any(_: &mut SchemaGenerator) -> Schema {
    json_schema!({})
}

pub(crate) fn labels(_: &mut SchemaGenerator) -> Schema {
    let value = json!({ "type": "string", "pattern": VALUE });
    json_schema!({ "type": "object", "propertyNames": { "pattern": KEY }, "additionalProperties": value })
}

pub(crate) fn annotations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "propertyNames": { "pattern": KEY }, "additionalProperties": { "type": "string" } })
}

/// Sets the keys of an entry of `targets:` that exclude each other, and adds those of types.
///
/// `inline`: the schemas of keys with which an entry uses a type of provider directly. Each `oneOf` in them is an
/// alternative to `providers`.
pub(crate) fn target(target: &mut Value, inline: &[Value], of_sinks: &[Value]) {
    let required = |key: &str| json!({ "required": [key] });
    let mut logins = vec![required("providers")];
    for options in inline {
        let all_of = options["required"].as_array().map(|all| json!({ "required": all }));
        logins.extend(options["oneOf"].as_array().cloned().unwrap_or_else(|| all_of.into_iter().collect()));
        if let Some(Value::Object(dependent)) = options.get("dependentRequired") {
            for (key, others) in dependent {
                target["dependentRequired"][key] = others.clone();
            }
        }
    }
    let namespaces = ["namespace", "namespaces"].map(required);
    let mut places = vec![json!({ "oneOf": namespaces })];
    places.extend(of_sinks.iter().filter_map(place));
    let places = if places.len() == 1 { places.remove(0) } else { json!({ "anyOf": places }) };
    target["allOf"] = json!([places, { "oneOf": logins }]);
    for options in inline.iter().chain(of_sinks) {
        for (key, value) in options["properties"].as_object().into_iter().flatten() {
            if target["properties"].get(key).is_none() {
                target["properties"][key] = value.clone();
            }
        }
    }
    if let Some(target) = target.as_object_mut() {
        target.remove("required"); // no single key is required, but one of each group is
    }
}

/// Returns the keys of a type of sink that can name the place of a target: the required ones, or any of the others.
fn place(options: &Value) -> Option<Value> {
    let keys = options["properties"].as_object()?.keys();
    match options["required"].as_array() {
        Some(all) if !all.is_empty() => Some(json!({ "required": all })),
        _ => {
            let any = keys.map(|key| json!({ "required": [key] })).collect::<Vec<_>>();
            Some(json!({ "anyOf": any }))
        }
    }
}

/// Requires `include` or `selector` in a map that selects namespaces.
pub(crate) fn choosing(namespaces: &mut Schema) {
    let either = ["include", "selector"].map(|key| json!({ "required": [key] }));
    namespaces.insert("anyOf".into(), json!(either));
}

/// Returns the schema of `merge`: whether entries are merged into a Secret, and whether it is created for that.
pub(crate) fn merge(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": [true, false, "create"] })
}

/// Forbids keys that change a Secret of another owner.
pub(crate) fn merging(secret: &mut Schema) {
    let merges = json!({ "properties": { "merge": { "enum": [true, "create"] } }, "required": ["merge"] });
    let theirs = ["adopt", "labels", "annotations"].map(|key| {
        let nothing = if key == "adopt" { json!({ "const": false }) } else { json!({ "maxProperties": 0 }) };
        (key.to_owned(), nothing)
    });
    let theirs = theirs.into_iter().collect::<serde_json::Map<_, _>>();
    secret.insert("if".into(), merges);
    secret.insert("then".into(), json!({ "properties": theirs }));
}

/// Returns the schemas of the keys that every entry of `sinks:` has.
pub(crate) fn of_sink() -> Value {
    json!({ "type": { "type": "string" } })
}

/// Returns the schemas of the keys that every entry of `providers:` has.
pub(crate) fn of_provider() -> Value {
    let mut keys = of_sink();
    keys[VERIFY] = json!({
        "description": "Whether a new credential is tried at its registries before it replaces a working one. `true` \
                        refuses it if a registry answers HTTP 401. `strict` also refuses it for HTTP 403. Default: `false`.",
        "enum": [true, false, "strict"],
    });
    keys[VERIFY_REPOSITORY] = json!({
        "description": "Repository that a new credential must be able to read, such as `team/app`. It needs `verify`. \
                        Default: none, and the credential must only log in.",
        "type": "string",
        "pattern": REPOSITORY,
    });
    keys
}

/// Returns the schema of a map of entries with a type. The options of a known type are its own. The options of other
/// types can be anything. `common`: the schemas of the keys that all types have.
pub(crate) fn specs(known: &[(String, Schema)], common: &Value) -> Schema {
    let conditions = known.iter().map(|(name, options)| {
        let is = json!({ "properties": { "type": { "const": name } }, "required": ["type"] });
        json!({ "if": is, "then": options })
    });
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": NAME },
        "additionalProperties": {
            "type": "object",
            "required": ["type"],
            "properties": common,
            "allOf": conditions.collect::<Vec<_>>(),
        },
    })
}

/// Adds the keys that all types have to the options of a type.
pub(crate) fn typed(mut schema: Schema, common: &Value) -> Schema {
    match (schema.get_mut("properties"), common) {
        (Some(Value::Object(properties)), Value::Object(common)) => properties.extend(common.clone()),
        _ => drop(schema.insert("properties".into(), common.clone())),
    }
    schema
}
