//! Reads the fields of one map of a config. Each is read separately, so that all problems are reported at once.

use figment::value::{Dict, Value};
use regcred_core::Code;
use serde::de::DeserializeOwned;

use crate::{
    Origin, Partial, Problem, codes,
    grammar::Hint,
    value::{
        keys::{keys, unknown_key},
        shown::{not_text, shown, sort},
    },
};

pub(crate) struct Fields<'a> {
    dict: &'a Dict,
    origin: &'a Origin,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
    /// Keys that are present under a wrong name. They are not reported as missing.
    meant: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Reads a part of the file, whose known keys are those of `T`. Reports all other keys.
    pub(crate) fn of<T: DeserializeOwned>(dict: &'a Dict, origin: &'a Origin) -> Self {
        Self::with_keys(dict, origin, keys::<T>(), &[])
    }

    /// Reads a part of the file with these keys. Reports all other keys.
    pub(crate) fn with_keys(dict: &'a Dict, origin: &'a Origin, known: &[&'static str], hints: &[Hint]) -> Self {
        let mut fields = Self { dict, origin, problems: vec![], warnings: vec![], meant: vec![] };
        for key in dict.keys().filter(|key| !known.contains(&key.as_str())) {
            let (message, meant) = unknown_key(key, known, hints);
            fields.report(key, &codes::UNKNOWN_KEY, message);
            fields.meant.extend(meant);
        }
        fields
    }

    /// Returns the map.
    pub(crate) fn dict(&self) -> &'a Dict {
        self.dict
    }

    pub(crate) fn origin(&self) -> &'a Origin {
        self.origin
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.dict.get(key)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.dict.contains_key(key)
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::String(_, text) => Some(text.clone()),
            other => {
                self.report(key, &codes::TYPE, format!("{} {}", shown(other), not_text(key, sort(other))));
                None
            }
        }
    }

    /// Reads a value as a type. Reports all faults of its form, and returns the valid parts.
    pub(crate) fn typed<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let Partial { value, problems, .. } = Partial::read(self.get(key)?, &self.origin.join(key), &[], &[], &[]);
        self.problems.extend(problems);
        value
    }

    /// Reads a number. In the environment, numbers are text.
    pub(crate) fn number<N: TryFrom<u128>>(&mut self, key: &str) -> Option<N> {
        let value = self.get(key)?;
        let number = match value {
            Value::String(_, text) => text.parse().ok(),
            other => other.to_u128(),
        };
        let number = number.and_then(|number| N::try_from(number).ok());
        if number.is_none() {
            self.problem(key, format!("{} is not an allowed whole number", shown(value)));
        }
        number
    }

    /// Returns each item of a list with its key. Reports a value that is not a list. `expected` describes the list.
    pub(crate) fn list(&mut self, key: &str, expected: &str) -> Option<Vec<(String, &'a Value)>> {
        match self.get(key)? {
            Value::Array(_, list) if !list.is_empty() => {
                Some(list.iter().enumerate().map(|(place, item)| (format!("{key}[{place}]"), item)).collect())
            }
            _ => {
                self.report(key, &codes::TYPE, format!("it is not a list of {expected}"));
                None
            }
        }
    }

    /// Reports a value that is not allowed.
    pub(crate) fn problem(&mut self, key: &str, message: impl Into<String>) {
        self.report(key, &codes::VALUE, message);
    }

    pub(crate) fn report(&mut self, key: &str, code: &'static Code, message: impl Into<String>) {
        self.problems.push(Problem::at(self.origin.join(key), message).with_code(code));
    }

    pub(crate) fn warn(&mut self, key: &str, message: impl Into<String>) {
        self.warnings.push(Problem::at(self.origin.join(key), message));
    }

    /// Reports a missing key, unless it is present under a wrong name.
    pub(crate) fn missing(&mut self, key: &str, message: impl Into<String>) {
        if !self.is_misspelt(key) {
            self.report(key, &codes::MISSING, message);
        }
    }

    /// Returns the keys that are present under a wrong name. They were reported already.
    pub(crate) fn misspelt(&self) -> &[&'static str] {
        &self.meant
    }

    /// Returns whether a key is present under a wrong name. This was reported already.
    pub(crate) fn is_misspelt(&self, key: &str) -> bool {
        self.meant.contains(&key)
    }
}
