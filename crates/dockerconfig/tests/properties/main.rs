//! Properties of every Docker config and every sequence of edits.

mod generate;

use std::collections::BTreeMap;

use generate::{Edit, HOSTS, config, config_with_auths, edits, registry, sets, shuffled_edits};
use proptest::prelude::*;
use regcred_dockerconfig::{DockerConfig, Meaning, Reader, Taken, hidden, taken};
use secrecy::ExposeSecret;
use serde_json::{Value, json, value::RawValue};

type Raw = BTreeMap<String, Box<RawValue>>;

fn parsed(text: &str) -> DockerConfig {
    DockerConfig::parse(text.as_bytes()).expect(text)
}

fn text(config: &DockerConfig) -> String {
    String::from_utf8(config.to_bytes()).expect("JSON is UTF-8")
}

fn with(before: &str, edits: &[Edit]) -> DockerConfig {
    let mut config = parsed(before);
    for edit in edits {
        edit.apply(&mut config);
    }
    config
}

fn edited(before: &str, edits: &[Edit]) -> String {
    text(&with(before, edits))
}

/// Returns everything that no edit may change: the fields beside `auths` and the foreign entries in it.
fn foreign(text: &str) -> [BTreeMap<String, String>; 2] {
    let mut top = serde_json::from_str::<Raw>(text).expect(text);
    let auths = top.remove("auths").map(|auths| serde_json::from_str::<Raw>(auths.get()).expect(text));
    let mut auths = auths.unwrap_or_default();
    auths.retain(|name, _| !HOSTS.contains(&name.as_str()));
    [top, auths].map(|fields| fields.into_iter().map(|(name, json)| (name, json.get().to_owned())).collect())
}

/// Applies the same edits to parsed JSON instead of text.
fn model(before: &str, edits: &[Edit]) -> Value {
    let mut value = serde_json::from_str::<Value>(before).expect(before);
    let mut expected = value.get("auths").cloned().unwrap_or_else(|| json!({}));
    for edit in edits {
        let auths = expected.as_object_mut().expect("an object");
        match edit {
            Edit::Set(host, _) => {
                let mut alone = DockerConfig::new();
                edit.apply(&mut alone);
                let alone = serde_json::from_str::<Value>(&text(&alone)).expect("JSON");
                auths.insert((*host).into(), alone["auths"][host].clone());
            }
            Edit::Remove(host) => drop(auths.remove(*host)),
        }
    }
    if value.get("auths").is_some() || expected != json!({}) {
        value["auths"] = expected;
    }
    value
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn foreign_entries_stay_byte_for_byte(before in config(), edits in edits()) {
        prop_assert_eq!(text(&parsed(&before)), before.as_str());
        prop_assert_eq!(foreign(&edited(&before, &edits)), foreign(&before));
    }

    #[test]
    fn setting_and_restoring_entries_leaves_the_document_unchanged(before in config_with_auths(), sets in sets()) {
        let old = parsed(&before);
        let mut config = parsed(&edited(&before, &sets));
        for host in HOSTS.map(registry) {
            if !config.carry_over(&host, &old) {
                config.remove(&host);
            }
        }
        prop_assert_eq!(text(&config), before);
    }

    #[test]
    fn applying_the_same_edits_twice_changes_nothing_more(before in config(), edits in edits()) {
        let once = edited(&before, &edits);
        prop_assert_eq!(edited(&once, &edits), once);
    }

    #[test]
    fn the_order_of_hosts_does_not_matter(before in config(), (edits, shuffled) in shuffled_edits()) {
        prop_assert_eq!(edited(&before, &edits), edited(&before, &shuffled));
    }

    #[test]
    fn edits_applied_one_by_one_give_the_same_document(before in config(), sets in sets()) {
        let one_by_one = sets.iter().fold(before.clone(), |text, set| edited(&text, std::slice::from_ref(set)));
        prop_assert_eq!(one_by_one, edited(&before, &sets));
    }

    #[test]
    fn the_edited_document_has_exactly_the_edits(before in config(), edits in edits()) {
        let after = edited(&before, &edits);
        prop_assert_eq!(serde_json::from_str::<Value>(&after).expect(&after), model(&before, &edits));
        let (after, config) = (parsed(&after), with(&before, &edits));
        for host in HOSTS.map(registry) {
            prop_assert_eq!(after.entry(&host), config.entry(&host));
            let password = |config: &DockerConfig| Some(config.login(&host)?.1.expose_secret().to_owned());
            prop_assert_eq!(password(&after), password(&config));
        }
        let sorted = |config: &DockerConfig| {
            let mut names = config.registries().map(str::to_owned).collect::<Vec<_>>();
            names.sort();
            (names, config.unreadable().len())
        };
        prop_assert_eq!(sorted(&after), sorted(&config));
    }

    #[test]
    fn a_merge_keeps_entries_of_other_registries_and_no_reader_panics(before in config(), sets in sets()) {
        let registries = sets.iter().map(|set| match set {
            Edit::Set(host, _) | Edit::Remove(host) => registry(host),
        });
        let registries = registries.collect::<Vec<_>>();
        let mut config = with(&before, &sets);
        config.renew_aliases(&registries);
        let ours = |key: &str| registries.iter().any(|it| Meaning::of(key, it).is_some());
        let kept = |config: &DockerConfig| {
            let others = config.registries().filter(|key| !ours(key));
            others.map(|key| (key.to_owned(), config.entry_of(key).map(str::to_owned))).collect::<Vec<_>>()
        };
        prop_assert_eq!(kept(&config), kept(&parsed(&before)));
        let again = parsed(&text(&config));
        for registry in &registries {
            for reader in Reader::ALL {
                let taken = taken(&again, reader, registry.as_str());
                let is_first = matches!(&taken, Taken::Keys(keys) if keys.iter().flatten().any(|key| again.entry_of(key) == again.entry(registry)));
                prop_assert!(is_first || !hidden(&again, registry).is_empty(), "{:?} {:?}", reader, taken);
            }
        }
        let mut removed = again.clone();
        for registry in &registries {
            let entry = removed.entry(registry).map(str::to_owned);
            removed.remove_aliases(registry, |_, json| Some(json) == entry.as_deref());
        }
        prop_assert_eq!(kept(&removed), kept(&parsed(&before)));
    }

    #[test]
    fn any_bytes_are_parsed_or_refused(
        bytes in any::<Vec<u8>>(),
        text in config(),
        place in any::<prop::sample::Index>(),
    ) {
        let mut spoilt = text.into_bytes();
        let place = place.index(spoilt.len());
        let cut = spoilt[..place].to_vec();
        spoilt[place] = *bytes.first().unwrap_or(&b'"');
        for bytes in [bytes, spoilt, cut] {
            if let Ok(config) = DockerConfig::parse(&bytes) {
                prop_assert_eq!(config.to_bytes(), bytes);
            }
        }
    }
}
