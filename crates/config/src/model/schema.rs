//! The JSON schema of a config file.

use std::{collections::BTreeMap, fmt};

use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use super::{file, shape};

type Make = Box<dyn Fn(&mut SchemaGenerator) -> Schema>;

/// The schemas of the options of types, by the values of `type:`.
#[derive(Default)]
pub struct TypeSchemas {
    providers: BTreeMap<String, Make>,
    sinks: BTreeMap<String, Make>,
    inline: Vec<Make>,
    targets: Vec<Make>,
}

impl TypeSchemas {
    /// Adds a type of provider.
    #[must_use]
    pub fn with_provider(mut self, name: &str, options: impl Fn(&mut SchemaGenerator) -> Schema + 'static) -> Self {
        self.providers.insert(name.into(), Box::new(options));
        self
    }

    /// Adds the keys with which an entry of `targets:` uses a type of provider directly. Alternatives are a `oneOf` of
    /// `required` keys.
    #[must_use]
    pub fn with_inline(mut self, of_target: impl Fn(&mut SchemaGenerator) -> Schema + 'static) -> Self {
        self.inline.push(Box::new(of_target));
        self
    }

    /// Adds a type of sink, with the options of its entry and those of its targets.
    #[must_use]
    pub fn with_sink(
        mut self,
        name: &str,
        options: impl Fn(&mut SchemaGenerator) -> Schema + 'static,
        of_target: impl Fn(&mut SchemaGenerator) -> Schema + 'static,
    ) -> Self {
        self.sinks.insert(name.into(), Box::new(options));
        self.targets.push(Box::new(of_target));
        self
    }
}

impl fmt::Debug for TypeSchemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypeSchemas")
            .field("providers", &self.providers.keys())
            .field("sinks", &self.sinks.keys())
            .finish_non_exhaustive()
    }
}

/// Returns the JSON schema of a config file with these types, of draft 2020-12. Entries of other types may have any
/// options. An entry of `targets:` may have the options of all types of sinks.
pub fn schema(types: &TypeSchemas) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut of = |types: &BTreeMap<String, Make>, common: &Value| {
        let options = types.iter().map(|(name, make)| (name.clone(), shape::typed(make(&mut generator), common)));
        shape::specs(&options.collect::<Vec<_>>(), common).to_value()
    };
    let (of_provider, of_sink) = (shape::of_provider(), shape::of_sink());
    let entries = [("providers", of(&types.providers, &of_provider)), ("sinks", of(&types.sinks, &of_sink))];
    let mut all = |makes: &[Make]| makes.iter().map(|make| make(&mut generator).to_value()).collect::<Vec<_>>();
    let (inline, of_sinks) = (all(&types.inline), all(&types.targets));
    let mut schema = generator.into_root_schema_for::<file::File>().to_value();
    for (key, entries) in entries {
        let described = &mut schema["properties"][key];
        for (keyword, value) in entries.as_object().into_iter().flatten() {
            described[keyword] = value.clone();
        }
    }
    shape::target(&mut schema["$defs"]["Target"], &inline, &of_sinks);
    schema["title"] = json!("The config file of regcred");
    schema["patternProperties"] = json!({ "^x-": { "description": "A place for YAML anchors. regcred ignores it." } });
    tidy(&mut schema);
    schema
}

/// Removes `null`, because a key without a value is a mistake. Also removes the sizes of numbers, and the line breaks
/// of descriptions.
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
    fn the_built_in_schema_is_closed_and_documented() {
        let schema = schema(&TypeSchemas::default());
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
        let providers = &schema["properties"]["providers"]["additionalProperties"];
        assert_eq!(providers["properties"]["verify"]["enum"], json!([true, false, "strict"]));
    }
}
