//! The schema of the chart's values: what is written by hand, with the config's own schema and that of the pod in it.

use std::fs;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::process::root;

pub(super) const FILE: &str = "deploy/chart/regcred/values.schema.json";
/// Where the parts of the config's schema are.
const PREFIX: &str = "config.";

/// The file with both schemas as they are now.
pub(super) fn schema(config: &Value, pod: &Value) -> Result<String> {
    let text = fs::read_to_string(root().join(FILE))?;
    let mut values = serde_json::from_str::<Value>(&text).context(FILE)?;
    let definitions = values["definitions"].as_object_mut().context("it has definitions")?;
    definitions.retain(|name, _| name != "config" && !name.starts_with(PREFIX));
    for (name, part) in config["$defs"].as_object().into_iter().flatten() {
        definitions.insert(format!("{PREFIX}{name}"), draft_7(part));
    }
    let mut whole = draft_7(config);
    let whole_map = whole.as_object_mut().context("it is a map")?;
    for key in ["$schema", "$defs", "title"] {
        whole_map.remove(key);
    }
    definitions.insert("config".into(), whole);
    let properties = values["properties"].as_object_mut().context("it has properties")?;
    for (key, of) in pod["properties"].as_object().into_iter().flatten() {
        if key == "image" {
            properties["image"]["properties"]["pullPolicy"] = of["properties"]["pullPolicy"].clone();
        } else {
            properties.insert(key.clone(), of.clone());
        }
    }
    Ok(format!("{values:#}\n"))
}

/// Rewrites a schema for draft 7, which every Helm reads: a `$ref` has no siblings, and parts are below `definitions`.
fn draft_7(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            let mut map = map.iter().map(|(key, of)| (renamed(key), draft_7(of))).collect::<Map<_, _>>();
            if let Some(Value::String(to)) = map.remove("$ref") {
                let to = json!({ "$ref": to.replace("#/$defs/", &format!("#/definitions/{PREFIX}")) });
                if map.is_empty() {
                    return to;
                }
                let all = map.entry("allOf").or_insert_with(|| json!([]));
                if let Some(all) = all.as_array_mut() {
                    all.push(to);
                }
            }
            map.into()
        }
        Value::Array(list) => list.iter().map(draft_7).collect(),
        other => other.clone(),
    }
}

/// Keywords that draft 7 has under another name.
fn renamed(key: &str) -> String {
    if key == "dependentRequired" { "dependencies".into() } else { key.into() }
}
