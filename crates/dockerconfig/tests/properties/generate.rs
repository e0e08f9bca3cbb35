//! Generates Docker configs as untidy text, and edits of them.

use std::collections::HashSet;

use proptest::{collection::vec, prelude::*};
use regcred_core::Registry;
use regcred_dockerconfig::DockerConfig;

/// The hosts that are edited. Everything else in a config is foreign.
pub(crate) const HOSTS: [&str; 5] = ["0.example", "a.example", "localhost:5000", "m.example/team", "z.example"];

/// A change to one host.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Set(&'static str, String),
    Remove(&'static str),
}

impl Edit {
    pub(crate) fn apply(&self, config: &mut DockerConfig) {
        match self {
            Self::Set(host, password) => config.set(&registry(host), "AWS", &password.as_str().into()),
            Self::Remove(host) => drop(config.remove(&registry(host))),
        }
    }
}

pub(crate) fn registry(host: &str) -> Registry {
    Registry::new(host).expect("valid")
}

pub(crate) fn edits() -> impl Strategy<Value = Vec<Edit>> {
    vec(prop_oneof![2 => set(), 1 => host().prop_map(Edit::Remove)], 0..8)
}

pub(crate) fn sets() -> impl Strategy<Value = Vec<Edit>> {
    vec(set(), 0..8)
}

/// Generates at most one edit of each host, in two different orders.
pub(crate) fn shuffled_edits() -> impl Strategy<Value = (Vec<Edit>, Vec<Edit>)> {
    let distinct = edits().prop_map(|edits| {
        let mut seen = HashSet::new();
        edits.into_iter().filter(|(Edit::Set(host, _) | Edit::Remove(host))| seen.insert(*host)).collect::<Vec<_>>()
    });
    distinct.prop_flat_map(|edits| (Just(edits.clone()), Just(edits).prop_shuffle()))
}

fn set() -> impl Strategy<Value = Edit> {
    (host(), "[a-z:]{0,8}").prop_map(|(host, password)| Edit::Set(host, password))
}

fn host() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&HOSTS[..])
}

/// Generates a config. Most configs have `auths`.
pub(crate) fn config() -> impl Strategy<Value = String> {
    config_around(prop::option::weighted(0.8, auths()))
}

pub(crate) fn config_with_auths() -> impl Strategy<Value = String> {
    config_around(auths().prop_map(Some))
}

fn config_around(auths: impl Strategy<Value = Option<String>> + 'static) -> impl Strategy<Value = String> {
    let top = (vec((name(), value()), 0..4), auths, any::<prop::sample::Index>());
    let top = top.prop_map(|(mut fields, auths, place)| {
        fields.retain(|(name, _)| name != "auths");
        if let Some(auths) = auths {
            fields.insert(place.index(fields.len() + 1), ("auths".to_owned(), auths));
        }
        fields
    });
    (space(), object(top.boxed()), space()).prop_map(|(before, object, after)| before + &object + &after)
}

fn auths() -> impl Strategy<Value = String> {
    object(vec((prop_oneof![host().prop_map(str::to_owned), name()], entry()), 0..8).boxed())
}

fn entry() -> BoxedStrategy<String> {
    let login = prop_oneof![Just(r#"{"auth":"dTpw"}"#), Just(r#"{ "auth" : "\u0064Tpw", "email":"" }"#)];
    prop_oneof![login.prop_map(str::to_owned), value()].boxed()
}

fn value() -> BoxedStrategy<String> {
    let plain = prop_oneof![Just("null"), Just("true"), Just("false"), Just("-0"), Just("1.50"), Just("10E+02")];
    let number = "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?";
    let leaf = prop_oneof![plain.prop_map(str::to_owned), number, spelled(name().boxed())];
    let nested = leaf.prop_recursive(3, 16, 4, |inner| {
        let items = vec((space(), inner.clone(), space()).prop_map(|(before, it, after)| before + &it + &after), 1..4);
        let array = items.prop_map(|items| format!("[{}]", items.join(",")));
        prop_oneof![array, space().prop_map(|space| format!("[{space}]")), object(vec((name(), inner), 0..4).boxed())]
    });
    nested.boxed()
}

/// Generates an object with these fields. Each name occurs once, and white space may occur anywhere.
fn object(fields: BoxedStrategy<Vec<(String, String)>>) -> impl Strategy<Value = String> {
    let spelled = fields.prop_flat_map(|fields| {
        let mut seen = HashSet::new();
        let fields = fields.into_iter().filter(|(name, _)| seen.insert(name.clone()));
        let field = |(name, value): (String, String)| {
            (spelled(Just(name).boxed()), [space(), space(), space(), space()])
                .prop_map(move |(name, [a, b, c, d])| format!("{a}{name}{b}:{c}{value}{d}"))
        };
        fields.map(field).collect::<Vec<_>>()
    });
    (spelled, space()).prop_map(|(fields, space)| match fields.as_slice() {
        [] => format!("{{{space}}}"),
        fields => format!("{{{}}}", fields.join(",")),
    })
}

fn space() -> BoxedStrategy<String> {
    "[ \t\r\n]{0,2}".boxed()
}

/// Generates any text, including braces, commas, quotes and near misses of [`HOSTS`].
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,4}",
        "[\"\\\\/{}:, \u{0}-\u{1f}]{0,4}",
        "[a-z]{1,2}(\\.example)?",
        Just("auths".to_owned()),
        spelling()
    ]
}

/// Generates other spellings of [`HOSTS`], parts of them, wildcards, and fields that readers use.
fn spelling() -> impl Strategy<Value = String> {
    let scheme = prop::sample::select(vec!["", "https://", "http://", "HTTPS://"]);
    let end = prop::sample::select(vec!["", "/", "/v1/", "/v2/team", ":443", ":443/team", "/team/app", "?x", "/%zz"]);
    let spelled = (scheme, host(), end).prop_map(|(scheme, host, end)| format!("{scheme}{host}{end}"));
    let other = prop::sample::select(vec![
        "*.example",
        "credHelpers",
        "credsStore",
        "A.example",
        "u:p@a.example",
        "[a.example",
    ]);
    prop_oneof![3 => spelled, 1 => other.prop_map(str::to_owned)]
}

/// Generates a JSON string in which some characters are escaped.
fn spelled(text: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let choices = vec(prop::bool::weighted(0.2), 16);
    (text, choices).prop_map(|(text, choices)| spell(&text, choices.into_iter().cycle())).boxed()
}

fn spell(text: &str, choices: impl Iterator<Item = bool>) -> String {
    let mut spelled = String::from("\"");
    for (character, escape) in text.chars().zip(choices) {
        if escape || character < ' ' {
            let units =
                character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>();
            spelled += &units.concat();
        } else {
            spelled.extend(matches!(character, '/' | '"' | '\\').then_some('\\'));
            spelled.push(character);
        }
    }
    spelled + "\""
}
