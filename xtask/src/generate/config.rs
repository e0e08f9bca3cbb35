//! Generates the page about the config file: prose, an example, and every key with its doc comment.

use std::{fmt::Write, fs};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

use crate::process::root;

const PROSE: &str = include_str!("config.md");
const EXAMPLE: &str = "config/full.yaml";
const UNKNOWN: &str = "anything";

/// Returns the page. The doc comments come from the JSON schema.
pub(super) fn page(schema: &Value) -> Result<String> {
    let example = fs::read_to_string(root().join(EXAMPLE))?;
    let page = PROSE.replace(&format!("{{{{ {EXAMPLE} }}}}"), example.trim_end());
    Ok(page.replace("{{ reference }}", reference(schema)?.trim_end()))
}

fn reference(schema: &Value) -> Result<String> {
    let part = |name: &str| schema["$defs"].get(name).with_context(|| format!("the schema has no part {name}"));
    let options = |key: &str, kind: &str| {
        let known = schema["properties"][key]["additionalProperties"]["allOf"].as_array().into_iter().flatten();
        let mut fitting = known.filter(|it| it["if"]["properties"]["type"]["const"] == kind);
        fitting.next().map(|it| &it["then"]).with_context(|| format!("{key} has no type {kind}"))
    };
    let mut sections = vec![
        ("The file".to_owned(), schema),
        ("An entry of `targets`".to_owned(), part("Target")?),
        ("`targets[].namespaces`, as a map".to_owned(), part("Namespaces")?),
        ("`targets[].secret`".to_owned(), part("Secret")?),
        ("An entry of `targets[].service_accounts`".to_owned(), part("AccountLink")?),
        ("`defaults`".to_owned(), part("Defaults")?),
    ];
    for kind in provider_types(schema) {
        sections.push((format!("An entry of `providers` of type `{kind}`"), options("providers", kind)?));
    }
    sections.push(("`web_identity` of a provider".to_owned(), part("WebIdentity")?));
    sections.push(("An entry of `sinks` of type `openshift`".to_owned(), options("sinks", "openshift")?));
    let mut text = String::new();
    for (title, part) in sections {
        let intro = part["description"].as_str().unwrap_or_default();
        write!(text, "### {title}\n\n{intro}\n\n| key | value | meaning |\n|---|---|---|\n")?;
        for (key, value) in properties(part) {
            let needed = part["required"].as_array().is_some_and(|all| all.contains(&Value::from(key.as_str())));
            let meaning = value["description"].as_str().unwrap_or(if key == "type" { "The type." } else { "" });
            let needed = if needed || key == "type" { " Required." } else { "" };
            ensure!(shape(schema, &value) != UNKNOWN, "{title}: the shape of {key} is unknown");
            writeln!(text, "| `{key}` | {} | {}{needed} |", shape(schema, &value), meaning.replace('|', "\\|"))?;
        }
        text.push('\n');
    }
    Ok(text)
}

/// Returns the names of the types of providers.
fn provider_types(schema: &Value) -> impl Iterator<Item = &str> {
    let types = schema["properties"]["providers"]["additionalProperties"]["allOf"].as_array();
    types.into_iter().flatten().filter_map(|it| it["if"]["properties"]["type"]["const"].as_str())
}

fn properties(part: &Value) -> Map<String, Value> {
    part["properties"].as_object().cloned().unwrap_or_default()
}

/// Describes the kind of a value in a word or two.
fn shape(schema: &Value, value: &Value) -> String {
    if let Some(name) = value["$ref"].as_str().and_then(|it| it.strip_prefix("#/$defs/")) {
        return shape(schema, &schema["$defs"][name]);
    }
    if value["type"] == "object" && value.get("properties").is_some() {
        return "map".into();
    }
    for choice in ["oneOf", "anyOf"] {
        let Some(all) = value[choice].as_array() else { continue };
        let constants = all.iter().filter_map(|it| it["const"].as_str()).map(|it| format!("`{it}`"));
        let constants = constants.collect::<Vec<_>>();
        if !constants.is_empty() {
            return constants.join(", ");
        }
        let mut shapes = all.iter().map(|it| shape(schema, it)).collect::<Vec<_>>();
        shapes.dedup();
        return shapes.join(" or ");
    }
    if let Some(all) = value["enum"].as_array() {
        let word = |it: &Value| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
        let words = all.iter().filter(|it| !it.is_null()).map(|it| format!("`{}`", word(it)));
        return words.collect::<Vec<_>>().join(", ");
    }
    match value["type"].as_str() {
        Some("string") => "text".into(),
        Some("boolean") => "`true`, `false`".into(),
        Some("integer") => "number".into(),
        Some("array") => format!("list of {}", shape(schema, &value["items"])),
        Some("object") if value.get("properties").is_none() => "map of names".into(),
        Some("object") => "map".into(),
        _ => UNKNOWN.into(),
    }
}
