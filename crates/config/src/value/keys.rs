//! Known keys of a map, and suggestions for unknown ones.

use regcred_core::odd_character;
use serde::de::DeserializeOwned;

use crate::{
    grammar::{self, Hint, Keys},
    names::nearest::meant,
};

const NO_PASSWORDS: &str = "a config holds no passwords, keys or tokens. Give them to the provider in a mounted file";
/// Keys of other tools.
const HINTS: [Hint; 15] = [
    Hint::Refused("password", NO_PASSWORDS),
    Hint::Means("type", "format"),
    Hint::Means("cron", "schedule"),
    Hint::Means("interval", "resync"),
    Hint::Means("refresh_interval", "resync"),
    Hint::Means("tz", "time_zone"),
    Hint::Means("name", "instance"),
    Hint::Means("secret_name", "secret"),
    Hint::Means("target", "namespaces"),
    Hint::Means("namespace_selector", "namespaces"),
    Hint::Means("match_labels", "selector"),
    Hint::Means("label_selector", "selector"),
    Hint::Means("labels", "selector"),
    Hint::Means("links", "service_accounts"),
    Hint::Means("image_pull_secrets", "service_accounts"),
];

/// Returns the keys that a part of the file may have.
pub(crate) fn keys<T: DeserializeOwned>() -> Keys {
    grammar::keys::<T>().expect("every part of the file denies unknown fields")
}

/// Returns a message for an unknown key, and the known key that was probably meant. The hints of a type override
/// general ones.
pub(crate) fn unknown_key(key: &str, known: &[&'static str], hints: &[Hint]) -> (String, Option<&'static str>) {
    let snake = snake_case(key);
    let hints = || hints.iter().chain(&HINTS);
    let refused = hints().find_map(|hint| match hint {
        Hint::Refused(word, why) if *word == snake => Some(why),
        _ => None,
    });
    if let Some(why) = refused {
        return (format!("this key is not known: {why}"), None);
    }
    let near = meant(&snake, known.iter().copied());
    let synonym = || {
        hints().find_map(|hint| match hint {
            Hint::Means(word, name) if *word == snake && known.contains(name) => Some(*name),
            _ => None,
        })
    };
    if let Some(name) = near.or_else(synonym) {
        let is_plural = matches!((snake.as_str(), name), ("regions", "region") | ("registries", "registry"));
        let hint = if is_plural { " Write one entry, or one provider, for each." } else { "" };
        let odd = odd_character(key).map(|odd| format!(": {odd}")).unwrap_or_default();
        return (format!("this key is not known{odd}; did you mean `{name}`?{hint}"), Some(name));
    }
    let mut known = known.to_vec();
    known.sort_unstable();
    (format!("this key is not known; known keys: {}", known.join(", ")), None)
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
