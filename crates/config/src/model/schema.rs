//! The JSON schema of a config file. Built-in types have known keys, and the types of a distribution have any keys.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::file;

/// As JSON, of draft 2020-12. Editors and validators read it.
pub fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<file::File>().to_value();
    schema["title"] = json!("The config file of regcred");
    schema["patternProperties"] = json!({ "^x-": { "description": "A place for YAML anchors. regcred ignores it." } });
    tidy(&mut schema);
    schema
}

/// Removes `null`, because a key without a value is a mistake. Removes the sizes of numbers, and the line breaks of descriptions.
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
