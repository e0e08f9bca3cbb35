//! The JSON schema of a config file: closed for what regcred brings along, open for types that a distribution adds.

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Value, json};

use crate::{EcrOptions, OpenShiftOptions, file};

/// As JSON, of draft 2020-12. Editors and validators read it.
pub fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<file::File>().to_value();
    schema["title"] = json!("The config file of regcred");
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
    json_schema!({ "anyOf": [{ "type": "array", "items": { "type": "string" }, "minItems": 1 }, chosen] })
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

/// A map of things with a type. The options of a known type are its own, those of others may be anything.
fn specs(known: &[(&str, Schema)]) -> Schema {
    let conditions = known.iter().map(|(name, options)| {
        let is = json!({ "properties": { "type": { "const": name } }, "required": ["type"] });
        json!({ "if": is, "then": options })
    });
    json_schema!({
        "type": "object",
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
