//! The fields of one map of the configuration, each taken and judged by itself, so that every problem is told at once.

use figment::value::{Dict, Value};
use regcred_core::odd_character;
use serde::de::DeserializeOwned;

use crate::{Origin, Partial, Problem, Registries, file::keys, nearest::meant, spec::sort};

pub(crate) struct Fields<'a> {
    dict: &'a Dict,
    origin: &'a Origin,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
    /// The regions and hosts that are well-formed, also beside a fault.
    pub(crate) registries: Vec<Registries>,
    /// Keys that are there under a wrong name: nobody need be told that they are missing.
    meant: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Of a part of the file, whose known keys are those of `T`.
    pub(crate) fn of<T: DeserializeOwned>(dict: &'a Dict, origin: &'a Origin) -> Self {
        let mut fields = Self { dict, origin, problems: vec![], warnings: vec![], registries: vec![], meant: vec![] };
        let known = keys::<T>();
        for key in dict.keys().filter(|key| !known.contains(&key.as_str())) {
            let (message, meant) = unknown_key(key, known);
            fields.problem(key, message);
            fields.meant.extend(meant);
        }
        fields
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
                self.problem(key, format!("{} {}", shown(other), not_text(key, sort(other))));
                None
            }
        }
    }

    /// Reads a value as a type. Reports all faults of its form, and returns the parts without fault.
    pub(crate) fn typed<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let Partial { value, problems, .. } = Partial::read(self.get(key)?, &self.origin.join(key), &[]);
        self.problems.extend(problems);
        value
    }

    /// A number, which the environment has as text.
    pub(crate) fn number<N: TryFrom<u128>>(&mut self, key: &str) -> Option<N> {
        let value = self.get(key)?;
        let number = match value {
            Value::String(_, text) => text.parse().ok(),
            other => other.to_u128(),
        };
        let number = number.and_then(|number| N::try_from(number).ok());
        if number.is_none() {
            self.problem(key, format!("{} is not a whole number that is allowed here", shown(value)));
        }
        number
    }

    /// Each item of a list with its key; of what is none, that this should stand there is told.
    pub(crate) fn list(&mut self, key: &str, expected: &str) -> Option<Vec<(String, &'a Value)>> {
        match self.get(key)? {
            Value::Array(_, list) if !list.is_empty() => {
                Some(list.iter().enumerate().map(|(place, item)| (format!("{key}[{place}]"), item)).collect())
            }
            _ => {
                self.problem(key, format!("it is not a list of {expected}"));
                None
            }
        }
    }

    pub(crate) fn problem(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(Problem::at(self.origin.join(key), message));
    }

    pub(crate) fn warn(&mut self, key: &str, message: impl Into<String>) {
        self.warnings.push(Problem::at(self.origin.join(key), message));
    }

    /// Something is missing, unless it is there under a wrong name.
    pub(crate) fn missing(&mut self, key: &str, message: impl Into<String>) {
        if !self.is_misspelt(key) {
            self.problem(key, message);
        }
    }

    /// Whether a key is there under a wrong name, which was told.
    pub(crate) fn is_misspelt(&self, key: &str) -> bool {
        self.meant.contains(&key)
    }
}

/// Why a value is not the text that belongs there, and what to write. `found`: what it is, as [`sort`] has it.
pub(crate) fn not_text(key: &str, found: &str) -> &'static str {
    match (key.rsplit('.').next().unwrap_or_default(), found) {
        ("namespace", "a list") => "is not one namespace: use `namespaces` for several",
        ("region", "a list") => "is not one region: write one entry, or one provider, for each region",
        ("registry", "a list") => "is not one registry: write one entry for each registry",
        (_, "a list" | "a map") => "is not text: write one value",
        (_, "nothing") => "is not text: leave the key out, or write a value",
        _ => "is not text: put it in quotes",
    }
}

/// Keys of AWS, which people look for a place for.
const AWS_KEYS: [&str; 9] = [
    "access_key_id",
    "access_key",
    "secret_access_key",
    "secret_key",
    "session_token",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "password",
];
/// Words of other tools for keys of ours.
const SYNONYMS: [(&str, &str); 23] = [
    ("registries", "registry"),
    ("host", "registry"),
    ("hosts", "registry"),
    ("type", "format"),
    ("role", "role_arn"),
    ("arn", "role_arn"),
    ("iam_role", "role_arn"),
    ("assume_role", "role_arn"),
    ("account", "accounts"),
    ("account_id", "accounts"),
    ("cron", "schedule"),
    ("interval", "resync"),
    ("refresh_interval", "resync"),
    ("tz", "time_zone"),
    ("name", "instance"),
    ("secret_name", "secret"),
    ("target", "namespaces"),
    ("namespace_selector", "namespaces"),
    ("match_labels", "selector"),
    ("label_selector", "selector"),
    ("labels", "selector"),
    ("links", "service_accounts"),
    ("image_pull_secrets", "service_accounts"),
];

/// A message for a key that is not known, and the known one that was probably meant.
pub(crate) fn unknown_key(key: &str, known: &'static [&'static str]) -> (String, Option<&'static str>) {
    let snake = snake_case(key);
    if AWS_KEYS.contains(&snake.as_str()) {
        let message = "this key is not known: keys of AWS belong in the environment, in a profile, or in the Secret of \
                       `regcred manifests --identity keys`";
        return (message.into(), None);
    }
    let near = meant(&snake, known.iter().copied());
    let synonym = || SYNONYMS.iter().find(|(word, name)| *word == snake && known.contains(name)).map(|(_, name)| *name);
    if let Some(name) = near.or_else(synonym) {
        let is_plural = matches!((snake.as_str(), name), ("regions", "region") | ("registries", "registry"));
        let hint = if is_plural { " Write one entry, or one provider, for each." } else { "" };
        let odd = odd_character(key).map(|odd| format!(": {odd}")).unwrap_or_default();
        return (format!("this key is not known{odd}; did you mean `{name}`?{hint}"), Some(name));
    }
    let mut known = known.to_vec();
    known.sort_unstable();
    (format!("this key is not known; known are {}", known.join(", ")), None)
}

fn snake_case(key: &str) -> String {
    let mut snake = String::with_capacity(key.len() + 4);
    for letter in key.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase().map(|it| if it == '-' { '_' } else { it }));
    }
    snake
}

/// A value as its writer would know it again.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{text:?}"),
        Value::Char(_, letter) => format!("{letter:?}"),
        Value::Bool(_, is) => is.to_string(),
        Value::Num(_, number) => number
            .to_u128()
            .map(|it| it.to_string())
            .or_else(|| number.to_i128().map(|it| it.to_string()))
            .or_else(|| number.to_f64().map(|it| format!("{it:?}")))
            .unwrap_or_default(),
        Value::Empty(..) => "nothing".into(),
        Value::Dict(..) => "a map".into(),
        Value::Array(..) => "a list".into(),
    }
}
