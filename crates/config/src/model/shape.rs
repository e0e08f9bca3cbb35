//! Parts of the JSON schema that no type expresses: rules between keys, and forms of names.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;

use crate::names::pattern::{KEY, NAME, VALUE};

/// A part that the types of a program describe.
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

/// Allows one item in place of a list.
pub(crate) fn one_or_more<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let one = generator.subschema_for::<T>();
    json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
}

/// Of an entry of `targets`: which keys exclude each other, and which need another.
pub(crate) fn exclusive(target: &mut Schema) {
    let one_of =
        |keys: &[&str]| json!({ "oneOf": keys.iter().map(|key| json!({ "required": [key] })).collect::<Vec<_>>() });
    let both = [one_of(&["namespace", "namespaces"]), one_of(&["providers", "region", "registry"])];
    target.insert("allOf".into(), json!(both));
    target.remove("required"); // no key is, but one of each
    target.insert("dependentRequired".into(), json!({ "accounts": ["region"] }));
}

/// Requires `include` or `selector` in a map that selects namespaces.
pub(crate) fn choosing(namespaces: &mut Schema) {
    let either = ["include", "selector"].map(|key| json!({ "required": [key] }));
    namespaces.insert("anyOf".into(), json!(either));
}

/// Whether entries are merged into a Secret, and whether it is created for that.
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

/// Of a provider: one identity asks, and what belongs to a role needs one.
pub(crate) fn identities(ecr: &mut Schema) {
    let both = |one: &str, other: &str| json!({ "required": [one, other] });
    let pairs = [both("profile", "web_identity"), both("profile", "identity"), both("web_identity", "identity")];
    ecr.insert("not".into(), json!({ "anyOf": pairs }));
    ecr.insert("dependentRequired".into(), json!({ "external_id": ["role_arn"], "session_name": ["role_arn"] }));
}

/// A map of things with a type. The options of a known type are its own, those of others may be anything.
pub(crate) fn specs(known: &[(String, Schema)]) -> Schema {
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
            "properties": { "type": { "type": "string" } },
            "allOf": conditions.collect::<Vec<_>>(),
        },
    })
}

/// The options of a type, with the key `type`.
pub(crate) fn typed(mut schema: Schema) -> Schema {
    if let Some(properties) = schema.get_mut("properties") {
        properties["type"] = json!({ "type": "string" });
    } else {
        schema.insert("properties".into(), json!({ "type": { "type": "string" } }));
    }
    schema
}
