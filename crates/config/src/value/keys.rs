//! Keys of a map: which are known, and which one a wrong one means.

use figment::{
    error::Kind,
    value::{Dict, Value},
};
use regcred_core::odd_character;
use serde::de::DeserializeOwned;

use crate::names::nearest::meant;

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

/// The keys that a part of the file may have.
pub(crate) fn keys<T: DeserializeOwned>() -> &'static [&'static str] {
    let unknown = Dict::from([(String::new(), Value::from(0))]);
    match Value::from(unknown).deserialize::<T>() {
        Err(figment::Error { kind: Kind::UnknownField(_, known), .. }) => known,
        _ => unreachable!("every part of the file denies unknown fields"),
    }
}

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
