//! The keys that the types of a program add to a config.

use figment::{
    error::Kind,
    value::{Dict, Value},
};
use serde::de::DeserializeOwned;

/// The keys of a map.
pub type Keys = &'static [&'static str];

/// The key that tries a new credential at its registries.
pub(crate) const VERIFY: &str = "verify";
/// The key with the repository of that trial.
pub(crate) const VERIFY_REPOSITORY: &str = "verify_repository";

/// The keys of every entry of `providers:` beside `type` and the options of its type. No type can have an option with
/// one of these names.
pub const COMMON_KEYS: Keys = &[VERIFY, VERIFY_REPOSITORY];

/// The keys that the types of a program add to a config: their options, and keys of an entry of `targets:`.
///
/// With it, a config reports a misspelt key at its file and line. Default: no types. The options of unknown types can
/// be anything.
#[derive(Clone, Debug, Default)]
pub struct Grammar {
    pub(crate) providers: Vec<TypeGrammar>,
    pub(crate) sinks: Vec<TypeGrammar>,
}

/// The keys that one type of provider or sink adds to a config.
#[derive(Clone, Debug)]
pub struct TypeGrammar {
    pub(crate) name: &'static str,
    /// The keys of its options. `None`: any.
    pub(crate) options: Option<Keys>,
    /// The keys that it adds to an entry of `targets:`. `None`: any.
    pub(crate) target: Option<Keys>,
    pub(crate) public: Keys,
    pub(crate) hints: &'static [Hint],
    pub(crate) example: String,
    pub(crate) target_example: &'static str,
}

/// Help for an unknown key that is often used by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The first key, in snake case, means the second key.
    Means(&'static str, &'static str),
    /// The key, in snake case, cannot be set, for this reason. It completes the sentence "this key is not known: …".
    Refused(&'static str, &'static str),
}

impl Grammar {
    /// Adds a type of provider.
    #[must_use]
    pub fn with_provider(mut self, provider: TypeGrammar) -> Self {
        self.providers.push(provider);
        self
    }

    /// Adds a type of sink.
    #[must_use]
    pub fn with_sink(mut self, sink: TypeGrammar) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Returns whether an entry with a type may have this key.
    pub(crate) fn has_key(&self, key: &str) -> bool {
        let types = self.providers.iter().chain(&self.sinks);
        COMMON_KEYS.contains(&key)
            || types.flat_map(|it| [it.options, it.target]).flatten().any(|keys| keys.contains(&key))
    }

    /// Returns the types of provider that serve a target without an entry of `providers:`.
    pub(crate) fn inline(&self) -> impl Iterator<Item = &TypeGrammar> {
        self.providers.iter().filter(|it| it.target.is_some_and(|keys| !keys.is_empty()))
    }

    /// Returns an entry of `targets:`, for messages.
    pub(crate) fn target_example(&self) -> String {
        let key = self.inline().next().map_or("providers: [pull]", |it| it.target_example);
        format!("{{ namespace: team-a, {key} }}")
    }

    /// Returns a type of sink. `None`: it is not known.
    pub(crate) fn sink(&self, name: &str) -> Option<&TypeGrammar> {
        self.sinks.iter().find(|it| it.name == name)
    }
}

impl TypeGrammar {
    /// Creates the grammar of a type with options `O`. It adds no key to an entry of `targets:`.
    pub fn new<O: DeserializeOwned>(name: &'static str) -> Self {
        Self {
            name,
            options: keys::<O>(),
            target: Some(&[]),
            public: &[],
            hints: &[],
            example: format!("{{ type: {name} }}"),
            target_example: "",
        }
    }

    /// Returns the same grammar under another name of the type.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Adds keys to an entry of `targets:`. `None`: any key.
    ///
    /// `example` is such a key with a value, for messages. It is not used without keys.
    #[must_use]
    pub fn with_target_keys(self, target: Option<Keys>, example: &'static str) -> Self {
        Self { target, target_example: example, ..self }
    }

    /// Returns the keys that it adds to an entry of `targets:`. `None`: any key.
    pub fn target_keys(&self) -> Option<Keys> {
        self.target
    }

    /// Sets the options that are not secret, so that outputs may show them. Default: none.
    #[must_use]
    pub fn with_public(self, public: Keys) -> Self {
        Self { public, ..self }
    }

    /// Sets help for keys that are often used by mistake. Default: none.
    #[must_use]
    pub fn with_hints(self, hints: &'static [Hint]) -> Self {
        Self { hints, ..self }
    }

    /// Sets an entry that messages show, such as `{ type: robot, host: quay.io }`. Default: the type alone.
    #[must_use]
    pub fn with_example(self, example: &str) -> Self {
        Self { example: example.into(), ..self }
    }
}

/// Returns the keys of a type that denies unknown fields. `None`: it takes any key.
pub fn keys<T: DeserializeOwned>() -> Option<Keys> {
    let unknown = Dict::from([(String::new(), Value::from(0))]);
    match Value::from(unknown).deserialize::<T>() {
        Err(figment::Error { kind: Kind::UnknownField(_, known), .. }) => Some(known),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::{Checked, Config, Problems};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "its fields are keys")]
    struct Options {
        host: String,
        robot: Option<String>,
        token_file: Option<String>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct NoOptions {}

    /// Returns a grammar with a provider `robot` and a sink `openshift`. Targets can use the provider by their keys
    /// `host` and `robot`.
    pub(crate) fn grammar() -> Grammar {
        let robot = TypeGrammar::new::<Options>("robot").with_target_keys(Some(&["host", "robot"]), "host: quay.io");
        let robot = robot.with_public(&["host"]).with_example("{ type: robot, host: quay.io }");
        let robot = robot.with_hints(&[Hint::Means("account", "robot"), Hint::Refused("pin", "a robot has none")]);
        Grammar::default().with_provider(robot).with_sink(TypeGrammar::new::<NoOptions>("openshift"))
    }

    /// Reads a text with that grammar.
    pub(crate) fn config(yaml: &str) -> Result<Config, Problems> {
        Config::from_yaml(yaml, &grammar(), |_| Checked::default())
    }

    #[test]
    fn a_type_that_accepts_any_key_has_no_known_keys() {
        assert_eq!(keys::<Options>(), Some(&["host", "robot", "token_file"][..]));
        assert_eq!(keys::<NoOptions>(), Some(&[][..]));
        assert_eq!(keys::<BTreeMap<String, u8>>(), None);
        assert_eq!(keys::<Value>(), None);
    }
}
