//! Shapes of values in a file: validation with all problems at once, and a JSON schema of the same rules.

use regcred_config::{meant, not_one_of};
use serde_json::{Map, Value, json};

/// The shape of a value. A null counts as absent, as in the values of a chart.
pub(crate) enum Shape {
    /// Text in this form.
    Text(&'static TextRule),
    /// A quantity of a resource. It may be a number, because YAML reads `1` and `0.5` as numbers.
    Quantity,
    /// Text that may hold a secret, so no message quotes it.
    Secret,
    /// One of these words.
    Word(&'static [&'static str]),
    Bool,
    /// A whole number.
    Number,
    /// A map with these keys. The second list has the required keys.
    Map(&'static [(&'static str, Shape)], &'static [&'static str]),
    /// A map whose keys have a form, and whose values have one shape.
    Names(&'static TextRule, &'static Shape),
    List(&'static Shape),
}

/// A form of text: a check, a regular expression for the same rule, and a name for messages.
pub(crate) struct TextRule {
    pub(crate) is: fn(&str) -> bool,
    pub(crate) pattern: &'static str,
    pub(crate) what: &'static str,
}

impl Shape {
    /// Adds the problems of a value at a path, such as `tolerations[0].efect: this key is not known; did you mean
    /// effect?`.
    pub(crate) fn check(&self, path: &str, value: &Value, problems: &mut Vec<String>) {
        if value.is_null() {
            return;
        }
        let mut wrong = |what: &str| problems.push(format!("{path}: {what}"));
        match (self, value) {
            (Self::Text(form), Value::String(text)) => {
                if !(form.is)(text) {
                    wrong(&format!("{text:?} is not {}", form.what));
                }
            }
            (Self::Quantity, Value::String(text)) if is_quantity(text) => {}
            (Self::Quantity, Value::Number(number)) if is_quantity(&number.to_string()) => {}
            (Self::Quantity, Value::String(_) | Value::Number(_)) => {
                wrong(&format!("{value} is not a quantity, such as 250m or 256Mi"));
            }
            (Self::Text(_) | Self::Secret, Value::Bool(_) | Value::Number(_)) => {
                wrong(&format!("{} is not text: put it in quotes", kind(value)));
            }
            (Self::Word(words), Value::String(text)) if words.contains(&text.as_str()) => {}
            (Self::Word(words), _) => {
                // The empty word means that the key is absent, so the message does not offer it.
                let words = words.iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>();
                wrong(&format!("it must be one of {}", words.join(", ")));
            }
            (Self::Secret, Value::String(_)) | (Self::Bool, Value::Bool(_)) => {}
            (Self::Number, Value::Number(number)) if number.is_i64() || number.is_u64() => {}
            (Self::Map(known, required), Value::Object(map)) => self::map(known, required, path, map, problems),
            (Self::Names(form, of), Value::Object(map)) => {
                for (key, value) in map {
                    if !(form.is)(key) {
                        problems.push(format!("{path}: the key {key:?} is not {}", form.what));
                    }
                    of.check(&format!("{path}.{key}"), value, problems);
                }
            }
            (Self::List(of), Value::Array(list)) => {
                for (place, value) in list.iter().enumerate() {
                    of.check(&format!("{path}[{place}]"), value, problems);
                }
            }
            (Self::Text(_) | Self::Secret | Self::Quantity, _) => wrong(&format!("{} is not text", kind(value))),
            (Self::Bool, _) => wrong(&not_one_of("true or false", kind(value), value.as_str())),
            (Self::Number, _) => wrong(&format!("{} is not a whole number", kind(value))),
            (Self::Map(known, _), _) => {
                let keys = known.iter().map(|(key, _)| *key).collect::<Vec<_>>().join(", ");
                wrong(&format!("{} is not a map; its keys are {keys}", kind(value)));
            }
            (Self::Names(..), _) => wrong(&format!("{} is not a map", kind(value))),
            (Self::List(_), _) => wrong(&format!("{} is not a list", kind(value))),
        }
    }

    /// Returns the shape as a JSON schema.
    pub(crate) fn schema(&self) -> Value {
        match self {
            Self::Quantity => json!({ "type": ["string", "number"], "pattern": QUANTITY, "minimum": 0 }),
            Self::Text(form) => json!({ "type": "string", "pattern": form.pattern }),
            Self::Secret => json!({ "type": "string" }),
            Self::Word(words) => json!({ "enum": words }),
            Self::Bool => json!({ "type": "boolean" }),
            Self::Number => json!({ "type": "integer" }),
            Self::Map(known, required) => {
                let properties = known.iter().map(|(key, of)| ((*key).to_owned(), of.schema()));
                let properties = properties.collect::<Map<_, _>>();
                let mut schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
                if !required.is_empty() {
                    schema["required"] = json!(required);
                }
                schema
            }
            Self::Names(form, of) => json!({
                "type": "object", "propertyNames": { "pattern": form.pattern }, "additionalProperties": of.schema(),
            }),
            Self::List(of) => json!({ "type": "array", "items": of.schema() }),
        }
    }
}

fn map(
    known: &[(&'static str, Shape)],
    required: &[&'static str],
    path: &str,
    map: &Map<String, Value>,
    problems: &mut Vec<String>,
) {
    let within = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let mut misspelt = vec![];
    for (key, value) in map {
        if let Some((_, of)) = known.iter().find(|(name, _)| name == key) {
            of.check(&within(key), value, problems);
            continue;
        }
        let near = meant(&key.to_lowercase(), known.iter().map(|(name, _)| *name));
        let near = known.iter().map(|(name, _)| *name).find(|name| name.eq_ignore_ascii_case(key)).or(near);
        let hint = match near {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known keys: {}", known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")),
        };
        misspelt.extend(near);
        problems.push(format!("{}: this key is not known; {hint}", within(key)));
    }
    for key in required.iter().filter(|key| map.get(**key).is_none_or(Value::is_null) && !misspelt.contains(key)) {
        problems.push(format!("{}: it is missing", within(key)));
    }
}

/// Returns the kind of a value, without its content.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// Regular expression for the same rule as [`is_quantity`].
const QUANTITY: &str = "^([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?[0-9]+)?$";

fn is_quantity(text: &str) -> bool {
    let end = text.find(|it: char| !(it.is_ascii_digit() || it == '.')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let is_digits = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = is_digits(whole) && is_digits(part) && !(whole.is_empty() && part.is_empty());
    let exponent = suffix.strip_prefix(['e', 'E']).map(|it| it.strip_prefix(['+', '-']).unwrap_or(it));
    let is_exponent = exponent.is_some_and(|it| !it.is_empty() && is_digits(it));
    is_number
        && (is_exponent
            || matches!(suffix, "" | "m" | "k" | "M" | "G" | "T" | "P" | "E" | "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_checked_as_in_the_schema() {
        let pattern = regex::Regex::new(QUANTITY).expect("it is one");
        for text in ["1", "0.5", ".5", "5.", "100m", "1Gi", "128Mi", "1e3", "2E-3", "1E", "10k", "7Ei"] {
            assert!(is_quantity(text) && pattern.is_match(text), "{text}");
        }
        for text in ["", ".", "1 Gi", "-1", "1GB", "256MB", "1gi", "1.2.3", "e3", "1e", "abc", "1Mi "] {
            assert!(!is_quantity(text) && !pattern.is_match(text), "{text}");
        }
    }
}
