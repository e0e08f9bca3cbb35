//! The owner of a Secret, and its intact parts.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use proptest::{prelude::*, sample::select};
use serde_json::{from_value, json};

use super::owners::{DATA, EXPIRES_AT, FIELDS, FOREIGN, HOSTS, LAST_APPLIED, Owners, managed_fields, owners};
use crate::{
    ownership::{Ownership, ownership},
    settings::SinkSettings,
};

const TARGET: &str = "team-a/ecr-secret";
const RECORDS: &str = r#"{"r.example":{"provider":"one","issued_at":"1970-01-01T00:00:00Z"}}"#;
/// Values of other programs that regcred never writes.
const NONSENSE: [&str; 3] = ["", "[]", r#"{"r.example":{"provider":"one","issued_at":"yesterday"}}"#];

type Texts = BTreeMap<&'static str, &'static str>;

/// The metadata of a Secret, and an instance with its manager.
#[derive(Clone, Debug)]
struct Case {
    us: (&'static str, &'static str),
    labels: Texts,
    annotations: Texts,
    owners: Owners,
}

/// Texts that are mostly `right`.
fn text(name: &'static str, right: &'static str, wrong: &'static [&'static str]) -> BoxedStrategy<Texts> {
    let there = move |text| Texts::from([(name, text)]);
    prop_oneof![
        10 => Just(there(right)),
        1 => select(wrong).prop_map(there),
        1 => Just(Texts::new()),
    ]
    .boxed()
}

fn texts<const N: usize>(texts: [BoxedStrategy<Texts>; N]) -> impl Strategy<Value = Texts> {
    Vec::from(texts).prop_map(|texts| texts.into_iter().flatten().collect())
}

/// Secrets that are nearly ours. Faults are rare, so that a case often has only one.
fn case() -> impl Strategy<Value = Case> {
    let us = select(&[("default", "regcred"), ("blue", "regcred/blue")][..]);
    us.prop_flat_map(|us| {
        let labels = texts([
            text("app.kubernetes.io/managed-by", "regcred", &["Helm", "Regcred", ""]),
            text("regcred.dev/instance", us.0, &["green", "Default", ""]),
            text("app", "x", &["y"]),
        ]);
        let annotations = texts([
            text("regcred.dev/target", TARGET, &["team-b/ecr-secret", "ecr-secret", ""]),
            text("regcred.dev/hosts", RECORDS, &NONSENSE),
            text("regcred.dev/expires-at", "1970-01-01T12:00:00Z", &["never"]),
            text("regcred.dev/refreshed-at", "1970-01-01T00:00:00Z", &["never"]),
            text("regcred.dev/links", "{}", &[r#"{"default":["pull"]}"#, ""]),
        ]);
        (Just(us), labels, annotations, owned(us.1))
    })
    .prop_map(|(us, labels, annotations, mut owners)| {
        // A missing field has no owner.
        let is_there = |field: usize| {
            let name = FIELDS[field].last().and_then(|it| it.strip_prefix("f:")).unwrap_or_default();
            !(2..LAST_APPLIED).contains(&field) || labels.contains_key(name) || annotations.contains_key(name)
        };
        for fields in owners.values_mut() {
            fields.retain(|field| is_there(*field));
        }
        Case { us, labels, annotations, owners }
    })
}

/// Our apply owns nearly all of our fields. Other managers own some fields, which are often not ours.
fn owned(us: &'static str) -> impl Strategy<Value = Owners> {
    let lost = prop_oneof![
        3 => Just(BTreeSet::new()),
        2 => prop::collection::btree_set(0..LAST_APPLIED, 1..3),
        1 => Just((0..LAST_APPLIED).collect()),
    ];
    (owners(), lost, any::<bool>()).prop_map(move |(mut owners, lost, apart)| {
        if apart {
            for fields in owners.values_mut() {
                fields.retain(|field| *field >= FOREIGN);
            }
        }
        if lost.len() < LAST_APPLIED {
            owners.insert((us, "Apply"), (0..LAST_APPLIED).filter(|field| !lost.contains(field)).collect());
        }
        owners
    })
}

impl Case {
    fn metadata(&self) -> ObjectMeta {
        let Self { labels, annotations, owners, .. } = self;
        let managed_fields = managed_fields(owners, true);
        let metadata = json!({ "labels": labels, "annotations": annotations, "managedFields": managed_fields });
        from_value(metadata).expect("metadata")
    }

    fn applied(&self, field: usize) -> bool {
        self.owners.get(&(self.us.1, "Apply")).is_some_and(|fields| fields.contains(&field))
    }

    /// Returns whether it is as our last apply left it.
    fn is_intact(&self) -> bool {
        let ends = self.annotations.contains_key("regcred.dev/expires-at");
        let marks = (2..LAST_APPLIED).filter(|field| ends || *field != EXPIRES_AT);
        let mut others = self.owners.iter().filter(|(owner, _)| **owner != (self.us.1, "Apply"));
        self.applied(DATA)
            && self.labels.contains_key("regcred.dev/instance")
            && marks.into_iter().all(|field| self.applied(field))
            && !others.any(|(_, fields)| fields.contains(&DATA))
            && self.annotations.get("regcred.dev/links") == Some(&"{}")
    }
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn an_owned_secret_has_the_ownership_marks_and_drifts_without_the_own_apply(case in case()) {
        let (instance, manager) = case.us;
        let metadata = case.metadata();
        let settings = SinkSettings { instance: instance.parse().expect("valid"), ..SinkSettings::default() };
        let stands = ownership(&metadata, &settings, manager, TARGET);
        let says = case.labels.get("regcred.dev/instance").copied();
        let managed = case.labels.get("app.kubernetes.io/managed-by") == Some(&"regcred");
        let names_itself = case.annotations.get("regcred.dev/target") == Some(&TARGET);
        match stands {
            Ownership::Owned(ours) => {
                let is_labelled = says == Some(instance) || (says.is_none() && case.applied(DATA));
                prop_assert!(managed && is_labelled && names_itself);
                let as_it_was = ours.drift.is_empty() && ours.undone.is_empty() && !ours.is_claimed;
                prop_assert_eq!(as_it_was, case.is_intact(), "{:?}", ours);
                prop_assert_eq!(ours.data_intact, case.applied(DATA));
                let hosts = case.annotations.get("regcred.dev/hosts");
                prop_assert_eq!(ours.records.is_some(), case.applied(HOSTS) && hosts == Some(&RECORDS));
            }
            Ownership::OtherInstance(other) => {
                prop_assert!(managed && other != instance);
                prop_assert_eq!(Some(other.as_str()), says);
            }
            Ownership::Foreign(_) => {
                prop_assert!(!managed || says.is_none() || (says == Some(instance) && !names_itself));
            }
        }
    }
}
