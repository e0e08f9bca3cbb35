//! Something of a type, as a config describes it: options that the type alone understands.

use std::fmt::{self, Write as _};

use figment::{
    error::{Actual, Error, Kind},
    value::{Dict, Value},
};
use serde::de::DeserializeOwned;

use crate::{
    Origin, Problem, digest,
    fields::{shown, unknown_key},
};

const TYPE: &str = "type";

/// One entry of `providers:` or `sinks:`: its name, its type, and options that the type alone understands.
#[derive(Clone)]
pub struct Spec {
    name: String,
    kind: String,
    options: Dict,
    origin: Origin,
}

impl Spec {
    /// Without options.
    pub(crate) fn new(name: &str, kind: &str, origin: Origin) -> Self {
        Self { name: name.into(), kind: kind.into(), options: Dict::new(), origin }
    }

    pub(crate) fn read(name: &str, value: &Value, origin: Origin, example: &str) -> Result<Self, Problem> {
        let Value::Dict(_, dict) = value else {
            return Err(Problem::at(origin, format!("{} is not a map such as {example}", sort(value))));
        };
        let mut options = dict.clone();
        match options.remove(TYPE) {
            Some(Value::String(_, kind)) => Ok(Self { name: name.into(), kind, options, origin }),
            Some(other) => Err(Problem::at(origin.join(TYPE), format!("{} is not text", shown(&other)))),
            None => Err(Problem::at(origin.join(TYPE), format!("it is missing, as in {example}"))),
        }
    }

    /// What the config calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its `type`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Of type and options: the same for the same ones, in every process.
    pub fn digest(&self) -> u64 {
        let mut text = format!("{:?}", self.kind);
        canonical(&Value::from(self.options.clone()), &mut text);
        digest(&text)
    }

    /// Where it stands.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What is wrong with one of its options.
    pub fn problem(&self, key: &str, message: impl Into<String>) -> Problem {
        Problem::at(self.origin.join(key), message)
    }

    /// Its options, as this type knows them: one that denies unknown fields tells them by their key.
    pub fn options<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        options(&Value::from(self.options.clone()), &self.origin)
    }
}

/// Without the values of its options, which may be anything.
impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, options, origin } = self;
        let options = options.keys().collect::<Vec<_>>();
        let mut debug = f.debug_struct("Spec");
        debug.field("name", name).field("kind", kind).field("options", &options).field("origin", &origin.key).finish()
    }
}

/// Writes a value in one way only: without what figment knows of its source.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Dict(_, dict) => {
            text.push('{');
            for (key, value) in dict {
                let _ = write!(text, "{key:?}:");
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(_, list) => {
            text.push('[');
            for value in list {
                canonical(value, text);
                text.push(',');
            }
            text.push(']');
        }
        scalar => text.push_str(&shown(scalar)),
    }
}

/// A part of a config as a typed struct, or the one thing that is wrong with its form.
pub(crate) fn options<T: DeserializeOwned>(value: &Value, origin: &Origin) -> Result<T, Problem> {
    if let Some(key) = blank(value) {
        let origin = if key.is_empty() { origin.clone() } else { origin.join(&key) };
        return Err(Problem::at(origin, "nothing stands there: leave the key out, or say something"));
    }
    value.deserialize().map_err(|error| problem(error, origin))
}

/// Maps of texts that may be empty.
const FREE: [&str; 2] = ["labels", "annotations"];

/// The first key without a value: to take it for one that is not there could be a role, a pin or a guard that is not kept.
fn blank(value: &Value) -> Option<String> {
    let below = |step: String, rest: String| match rest.chars().next() {
        None | Some('[') => format!("{step}{rest}"),
        Some(_) => format!("{step}.{rest}"),
    };
    match value {
        Value::Empty(..) => Some(String::new()),
        Value::String(_, text) if text.trim().is_empty() => Some(String::new()),
        Value::Dict(_, dict) => dict.iter().find_map(|(key, value)| {
            // The value of a label may be empty.
            let texts = value.as_dict().filter(|_| FREE.contains(&key.as_str()));
            let found = match texts {
                Some(texts) => {
                    texts.iter().find(|(_, it)| matches!(it, Value::Empty(..))).map(|(name, _)| name.clone())
                }
                None => blank(value),
            };
            Some(below(key.clone(), found?))
        }),
        Value::Array(_, list) => {
            list.iter().enumerate().find_map(|(place, value)| Some(below(format!("[{place}]"), blank(value)?)))
        }
        _ => None,
    }
}

fn problem(error: Error, origin: &Origin) -> Problem {
    let mut path = String::new();
    for step in &error.path {
        if step.bytes().all(|byte| byte.is_ascii_digit()) {
            path = format!("{path}[{step}]");
        } else {
            path = if path.is_empty() { step.clone() } else { format!("{path}.{step}") };
        }
    }
    let at = |key: &str| match (path.as_str(), key) {
        ("", "") => origin.clone(),
        ("", key) => origin.join(key),
        (path, "") => origin.join(path),
        (path, key) => origin.join(path).join(key),
    };
    match error.kind {
        // The path ends with the unknown key already.
        Kind::UnknownField(key, known) => {
            let key = if error.path.last() == Some(&key) { String::new() } else { key };
            let named = error.path.last().unwrap_or(&key).clone();
            Problem::at(at(&key), unknown_key(&named, known).0)
        }
        Kind::MissingField(name) => Problem::at(at(&name), "it is missing"),
        Kind::UnknownVariant(found, known) => {
            Problem::at(at(""), format!("{found:?} is not known; known are {}", known.join(", ")))
        }
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            let expected = match expected.clone() {
                text if text == "a string" || text == "path string" => "text".into(),
                text if text == "a boolean" => "true or false".into(),
                text if text == "a sequence" => "a list".into(),
                text if text.starts_with('u') && text[1..].parse::<u8>().is_ok() => {
                    "a number that is allowed here".into()
                }
                other => other,
            };
            Problem::at(at(""), format!("{} is not {expected}", kind(&found)))
        }
        Kind::Message(message) => Problem::at(at(""), message),
        other => Problem::at(at(""), other.to_string()),
    }
}

/// The same of a value.
pub(crate) fn sort(value: &Value) -> &'static str {
    match value {
        Value::String(..) | Value::Char(..) => "text",
        Value::Bool(..) => "true or false",
        Value::Num(..) => "a number",
        Value::Empty(..) => "nothing",
        Value::Dict(..) => "a map",
        Value::Array(..) => "a list",
    }
}

/// What was found, without its value: that may be a password that is no text for want of quotes.
fn kind(found: &Actual) -> &'static str {
    match found {
        Actual::Bool(_) => "true or false",
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number",
        Actual::Char(_) | Actual::Str(_) => "text",
        Actual::Seq => "a list",
        Actual::Map => "a map",
        Actual::Unit | Actual::Option => "nothing",
        _ => "this",
    }
}
