//! Something of a type, as a config describes it: options that the type alone understands.

use figment::{
    error::{Error, Kind},
    value::{Dict, Value},
};
use regcred_core::ProviderName;
use serde::de::DeserializeOwned;

use crate::{
    Origin, Problem,
    load::{shown, unknown_key},
};

const TYPE: &str = "type";

/// One entry of `providers:`: its name, its type, and options that the type alone understands.
#[derive(Clone, Debug)]
pub struct Spec {
    name: ProviderName,
    kind: String,
    options: Dict,
    origin: Origin,
}

impl Spec {
    pub(crate) fn read(name: ProviderName, value: &Value, origin: Origin) -> Result<Self, Problem> {
        let Value::Dict(_, dict) = value else {
            let message = format!("{} is not a map such as {{ type: ecr, region: eu-west-1 }}", shown(value));
            return Err(Problem::at(origin, message));
        };
        let mut options = dict.clone();
        match options.remove(TYPE) {
            Some(Value::String(_, kind)) => Ok(Self { name, kind, options, origin }),
            Some(other) => Err(Problem::at(origin.join(TYPE), format!("{} is not text", shown(&other)))),
            None => Err(Problem::at(origin.join(TYPE), "it is missing, such as `type: ecr`")),
        }
    }

    /// What the config calls it.
    pub fn name(&self) -> &ProviderName {
        &self.name
    }

    /// Its `type`.
    pub fn kind(&self) -> &str {
        &self.kind
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

/// A part of a config as a typed struct, or the one thing that is wrong with its form.
pub(crate) fn options<T: DeserializeOwned>(value: &Value, origin: &Origin) -> Result<T, Problem> {
    value.deserialize().map_err(|error| problem(error, origin))
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
            Problem::at(at(""), format!("{found} is not {expected}"))
        }
        Kind::Message(message) => Problem::at(at(""), message),
        other => Problem::at(at(""), other.to_string()),
    }
}
