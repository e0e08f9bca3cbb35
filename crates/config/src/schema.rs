//! The JSON schema of a config file: closed for what regcred brings along, open for types that a distribution adds.

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Value, json};

use crate::{EcrOptions, OpenShiftOptions, file};

/// A name of one's own, or a namespace.
pub(crate) const NAME: &str = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";
/// A namespace, or a pattern of some.
pub(crate) const NAMES: &str = r"^[-a-z0-9*?\[\]!]{1,253}$";
/// A Secret or a ServiceAccount.
pub(crate) const OBJECT: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// The key of a label.
const KEY: &str = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";
/// The value of a label.
const VALUE: &str = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$";

/// As JSON, of draft 2020-12. Editors and validators read it.
pub fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<file::File>().to_value();
    schema["title"] = json!("The config file of regcred");
    schema["patternProperties"] = json!({ "^x-": { "description": "A place for YAML anchors. regcred ignores it." } });
    tidy(&mut schema);
    schema
}

pub(crate) fn providers(generator: &mut SchemaGenerator) -> Schema {
    specs(&[("ecr", typed::<EcrOptions>(generator))])
}

pub(crate) fn sinks(generator: &mut SchemaGenerator) -> Schema {
    let options = typed::<OpenShiftOptions>(generator);
    specs(&[("openshift", options.clone()), ("kubernetes", options)])
}

pub(crate) fn namespaces(generator: &mut SchemaGenerator) -> Schema {
    let chosen = generator.subschema_for::<file::Namespaces>();
    let list =
        json!({ "type": "array", "items": { "type": "string", "pattern": NAMES }, "minItems": 1, "uniqueItems": true });
    json_schema!({ "anyOf": [list, chosen] })
}

pub(crate) fn labels(_: &mut SchemaGenerator) -> Schema {
    let value = json!({ "type": "string", "pattern": VALUE });
    json_schema!({ "type": "object", "propertyNames": { "pattern": KEY }, "additionalProperties": value })
}

pub(crate) fn annotations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "propertyNames": { "pattern": KEY }, "additionalProperties": { "type": "string" } })
}

/// One of a list may stand alone.
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

/// What chooses says which, and takes out only what a pattern may have taken.
pub(crate) fn choosing(namespaces: &mut Schema) {
    let either = ["include", "selector"].map(|key| json!({ "required": [key] }));
    namespaces.insert("anyOf".into(), json!(either));
}

/// Whether entries are merged into a Secret, and whether it is created for that.
pub(crate) fn merge(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": [true, false, "create"] })
}

/// What is merged into stays its owner's.
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
fn specs(known: &[(&str, Schema)]) -> Schema {
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

/// The options of a type, beside which the type itself stands.
fn typed<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = T::json_schema(generator);
    if let Some(properties) = schema.get_mut("properties") {
        properties["type"] = json!({ "type": "string" });
    }
    schema
}

/// A key is left out: that it is there and empty is a mistake. A description is one line, and how many bits a number has here
/// concerns nobody.
fn tidy(schema: &mut Value) {
    let is_null = |it: &Value| *it == json!("null") || *it == json!({ "type": "null" });
    match schema {
        Value::Array(list) => list.iter_mut().for_each(tidy),
        Value::Object(map) => {
            map.retain(|name, value| {
                !matches!((name.as_str(), value), ("default", Value::Null) | ("format", Value::String(_)))
            });
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            for key in ["type", "anyOf", "enum"] {
                let Some(Value::Array(list)) = map.get_mut(key) else { continue };
                list.retain(|it| !is_null(it) && !it.is_null());
                match (key, list.as_slice()) {
                    ("type", [only]) => *map.get_mut(key).expect("it is there") = only.clone(),
                    ("anyOf", [Value::Object(only)]) => {
                        let only = only.clone();
                        map.remove(key);
                        map.extend(only);
                    }
                    _ => {}
                }
            }
            map.values_mut().for_each(tidy);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_regcred_brings_along_is_closed_and_documented() {
        let schema = schema();
        let target = &schema["$defs"]["Target"];
        assert_eq!((&schema["additionalProperties"], &target["additionalProperties"]), (&json!(false), &json!(false)));
        assert_eq!(target["properties"]["namespace"]["type"], "string", "not null");
        let documented = |part: &Value| {
            let properties = part["properties"].as_object().expect("a map").values();
            properties.clone().all(|it| it["description"].is_string())
        };
        for part in ["Target", "Secret", "Defaults", "Namespaces", "AccountLink"] {
            assert!(documented(&schema["$defs"][part]), "{part}");
        }
        assert!(documented(&schema));
    }
}
