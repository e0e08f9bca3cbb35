//! The configuration as one map, with the origin of each value. Values that may be secret are hidden.

use figment::value::{Dict, Value};
use serde::Serialize;

use crate::{COMMON_KEYS, Grammar, Keys, Origin, TypeGrammar, value::shown::shown};

/// Replaces a value that may be a secret.
const HIDDEN: &str = "<hidden>";

/// One value of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key, such as `targets[0].region`. Entries of several files are numbered consecutively.
    pub key: String,
    /// The value as text, or `<hidden>` if it may be a secret.
    pub value: String,
    /// The origin, such as `regcred.yaml:3` or `environment REGCRED__SCHEDULE`.
    pub from: String,
}

/// The union of files, environment and command line.
#[derive(Clone, Debug)]
pub(crate) struct Merged {
    dict: Dict,
    root: Origin,
}

impl Merged {
    pub(crate) fn new(dict: &Dict, root: &Origin, grammar: &Grammar) -> Self {
        let hidden = dict.iter().map(|(key, value)| (key.clone(), visible(key, value, grammar)));
        Self { dict: hidden.collect(), root: root.clone() }
    }

    /// Returns the whole map.
    pub(crate) fn map(&self) -> impl Serialize {
        &self.dict
    }

    /// Returns each value with its origin, in the order of the keys.
    pub(crate) fn settings(&self) -> Vec<Setting> {
        let mut settings = vec![];
        for (key, value) in &self.dict {
            collect(value, &self.root.join(key), &mut settings);
        }
        settings
    }
}

fn collect(value: &Value, origin: &Origin, settings: &mut Vec<Setting>) {
    match value {
        Value::Dict(_, dict) if !dict.is_empty() => {
            for (key, value) in dict {
                collect(value, &origin.join(key), settings);
            }
        }
        Value::Array(_, list) if !list.is_empty() => {
            for (place, value) in list.iter().enumerate() {
                collect(value, &origin.join(&format!("[{place}]")), settings);
            }
        }
        leaf => {
            let line = origin.line().map(|line| format!(":{line}")).unwrap_or_default();
            let value = match leaf {
                Value::String(_, text) => text.clone(),
                other => shown(other),
            };
            settings.push(Setting { key: origin.key.clone(), value, from: format!("{}{line}", origin.source()) });
        }
    }
}

/// Returns a value of the top level without what may be a secret.
fn visible(key: &str, value: &Value, grammar: &Grammar) -> Value {
    let (types, common) = match key {
        "providers" => (&grammar.providers, COMMON_KEYS),
        "sinks" => (&grammar.sinks, &[][..]),
        _ => return without_users(value),
    };
    match value {
        Value::Dict(tag, entries) => {
            let entries = entries.iter().map(|(name, entry)| (name.clone(), visible_entry(entry, types, common)));
            Value::Dict(*tag, entries.collect())
        }
        value => without_users(value),
    }
}

/// Returns an entry without the options that may be secret. Its type declares which options are public.
fn visible_entry(entry: &Value, types: &[TypeGrammar], common: Keys) -> Value {
    let Value::Dict(tag, options) = entry else { return without_users(entry) };
    let kind = options.get("type").and_then(Value::as_str);
    let public = types.iter().find(|it| Some(it.name) == kind).map_or(&[][..], |it| it.public);
    let option = |(key, value): (&String, &Value)| {
        let is_told = key == "type" || common.contains(&key.as_str()) || public.contains(&key.as_str());
        (key.clone(), if is_told { without_users(value) } else { Value::from(HIDDEN) })
    };
    Value::Dict(*tag, options.iter().map(option).collect())
}

/// Hides texts with a user, such as a URL with a password.
fn without_users(value: &Value) -> Value {
    match value {
        Value::String(_, text) if text.contains('@') && text.contains(['/', ':']) => Value::from(HIDDEN),
        Value::Dict(tag, dict) => {
            Value::Dict(*tag, dict.iter().map(|(key, value)| (key.clone(), without_users(value))).collect())
        }
        Value::Array(tag, list) => Value::Array(*tag, list.iter().map(without_users).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Setting, grammar::tests::config};

    fn settings(yaml: &str) -> Vec<(String, String)> {
        let config = config(yaml).expect(yaml);
        config.settings().into_iter().map(|Setting { key, value, .. }| (key, value)).collect()
    }

    #[test]
    fn every_value_is_listed_and_possible_secrets_are_hidden() {
        let yaml = "x-common: &c { host: quay.io }\nproviders:\n  a: { type: robot, token_file: canary, <<: *c }\n  \
                    b: { type: vault, token: canary, nested: { key: canary } }\n\
                    targets: [{ namespace: team-a, providers: [a, b] }]\n";
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            settings(yaml),
            [
                pair("providers.a.host", "quay.io"),
                pair("providers.a.token_file", "<hidden>"),
                pair("providers.a.type", "robot"),
                pair("providers.b.nested", "<hidden>"),
                pair("providers.b.token", "<hidden>"),
                pair("providers.b.type", "vault"),
                pair("targets[0].namespace", "team-a"),
                pair("targets[0].providers[0]", "a"),
                pair("targets[0].providers[1]", "b"),
            ]
        );
    }

    #[test]
    fn a_url_with_a_password_is_hidden_and_a_schedule_is_not() {
        let yaml = "providers:\n  a: { type: robot, host: 'https://user:canary@quay.example' }\n\
                    schedule: '@hourly'\ntargets: [{ namespace: team-a, providers: [a] }]\n";
        let settings = settings(yaml);
        assert!(!format!("{settings:?}").contains("canary"), "{settings:?}");
        assert!(settings.contains(&("schedule".into(), "@hourly".into())), "{settings:?}");
    }
}
