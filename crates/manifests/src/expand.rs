//! Expands an OpenShift Template: replaces its parameters in every text of every object.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The objects of a template, with values for its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Expanded {
    /// The objects in the order of the template. Literal namespaces are removed, as the server does.
    pub objects: Vec<Value>,
}

/// Expands a template as the server does.
///
/// - `${NAME}` is replaced in any text, including keys.
/// - `${{NAME}}` as the whole text is replaced and parsed as JSON.
/// - A name that is not a parameter stays unchanged.
///
/// Returns an error if a required parameter has no value, or if a parameter's name is invalid. The server refuses both.
/// Returns an error as well if `values` has a name that is not a parameter.
pub fn expand(template: &Value, values: &BTreeMap<String, String>) -> Result<Expanded, String> {
    let mut known = BTreeMap::new();
    for parameter in template["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default();
        if name.is_empty() || !name.bytes().all(is_of_a_name) {
            return Err(format!("{name:?} is not the name of a parameter"));
        }
        let value = values.get(name).map(String::as_str).or_else(|| parameter["value"].as_str()).unwrap_or_default();
        if value.is_empty() && parameter["required"] == true && parameter["generate"].is_null() {
            return Err(format!("the parameter {name} must have a value"));
        }
        known.insert(name.to_owned(), value.to_owned());
    }
    if let Some(unknown) = values.keys().find(|name| !known.contains_key(*name)) {
        return Err(format!("{unknown} is not a parameter of the template"));
    }
    let labels = template["labels"].as_object();
    let objects = template["objects"].as_array().into_iter().flatten().map(|object| {
        let mut object = object.clone();
        // The server removes a literal namespace, but keeps a namespace that contains a parameter.
        if object["metadata"]["namespace"].as_str().is_some_and(|it| !it.contains("${"))
            && let Some(metadata) = object["metadata"].as_object_mut()
        {
            metadata.remove("namespace");
        }
        let mut object = put_in(&object, &known);
        for (key, value) in labels.into_iter().flatten() {
            let (key, value) = (put_in_text(key, &known), put_in(value, &known));
            object["metadata"]["labels"][key] = value;
        }
        object
    });
    Ok(Expanded { objects: objects.collect() })
}

fn put_in(value: &Value, known: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => typed(text, known).unwrap_or_else(|| put_in_text(text, known).into()),
        Value::Array(list) => list.iter().map(|it| put_in(it, known)).collect(),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| (put_in_text(key, known), put_in(value, known)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// Returns the value of a text that is only `${{NAME}}`, parsed as JSON. A value that is not JSON stays text.
fn typed(text: &str, known: &BTreeMap<String, String>) -> Option<Value> {
    let name = text.strip_prefix("${{")?.strip_suffix("}}")?;
    let value = known.get(name)?;
    Some(serde_json::from_str(value).unwrap_or_else(|_| value.clone().into()))
}

/// Replaces each name in the original text once, in order. It does not expand the values again.
fn put_in_text(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut done = text.to_owned();
    for name in names(text) {
        if let Some(value) = known.get(name) {
            done = done.replacen(&format!("${{{name}}}"), value, 1);
        }
    }
    done
}

/// Returns the names that a text contains as `${NAME}`, in order.
pub(crate) fn names(text: &str) -> Vec<&str> {
    let after = text.split("${").skip(1);
    let names = after.filter_map(|it| it.split_once('}')).map(|(name, _)| name);
    names.filter(|name| !name.is_empty() && name.bytes().all(is_of_a_name)).collect()
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(values: &[(&str, &str)], object: &Value) -> Value {
        let values =
            values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>();
        let parameters = values.keys().map(|name| json!({ "name": name })).collect::<Vec<_>>();
        let template = json!({ "objects": [object], "parameters": parameters });
        expand(&template, &values).expect("it is one").objects.remove(0)
    }

    #[test]
    fn parameters_are_replaced_in_text_and_keys_and_unknown_parameters_stay() {
        let object = json!({ "a${N}": "x-${N}-${N}-${OTHER}-$N", "list": ["${N}", 7, true] });
        assert_eq!(with(&[("N", "1")], &object), json!({ "a1": "x-1-1-${OTHER}-$N", "list": ["1", 7, true] }));
    }

    #[test]
    fn double_braces_insert_a_json_value() {
        let object = json!({ "a": "${{N}}", "b": "${{T}}", "c": "x${{N}}" });
        assert_eq!(with(&[("N", "3"), ("T", "text")], &object), json!({ "a": 3, "b": "text", "c": "x${{N}}" }));
    }

    #[test]
    fn a_parameter_value_is_inserted_literally() {
        let hostile = "\"; rm -rf / ${N} $(id) \r\n é";
        assert_eq!(with(&[("N", hostile)], &json!({ "a": "${N}" }))["a"], hostile);
        assert_eq!(
            with(&[("A", "${B}"), ("B", "b")], &json!({ "a": "${A} ${B}" }))["a"],
            "b ${B}",
            "as the server does"
        );
    }

    #[test]
    fn a_literal_namespace_is_removed_from_an_object() {
        let object = |namespace: &str| json!({ "metadata": { "namespace": namespace, "name": "x" } });
        assert_eq!(with(&[("N", "p")], &object("fixed")), json!({ "metadata": { "name": "x" } }));
        assert_eq!(with(&[("N", "p")], &object("${N}")), object("p"));
    }

    #[test]
    fn a_missing_or_unknown_parameter_is_refused() {
        let template = json!({ "objects": [], "parameters": [{ "name": "A", "required": true }] });
        assert!(expand(&template, &BTreeMap::new()).expect_err("no value").contains("A must have a value"));
        let values = [("B".to_owned(), "b".to_owned())].into();
        let template = json!({ "objects": [], "parameters": [{ "name": "A" }] });
        assert!(expand(&template, &values).expect_err("unknown").contains("B is not a parameter"));
    }
}
