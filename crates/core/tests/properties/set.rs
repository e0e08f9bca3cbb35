//! Which entries stay because they end later than the new credential.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use proptest::{collection::vec, prelude::*};
use regcred_core::{CredentialSet, Login, ProviderName, Registry, RegistryCredential, Validity};

const PROVIDERS: [&str; 3] = ["one", "two", "three"];
/// Represents a credential without an end. It is later than every other end.
const ENDLESS: u64 = u64::MAX;

/// A change of a set, for one of [`PROVIDERS`].
#[derive(Clone, Copy, Debug)]
enum Change {
    /// Inserts a credential that ends at this time, in seconds.
    Insert(u64),
    Fail,
    Limit(u64),
}

fn end() -> impl Strategy<Value = u64> {
    prop_oneof![5 => 1..12_u64, 1 => Just(ENDLESS)]
}

fn changes() -> impl Strategy<Value = Vec<(&'static str, Change)>> {
    let limit = (1..12_u64).prop_map(Change::Limit);
    let change = prop_oneof![3 => end().prop_map(Change::Insert), 1 => Just(Change::Fail), 1 => limit];
    vec((prop::sample::select(&PROVIDERS[..]), change), 0..10)
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn validity(end: u64) -> Validity {
    Validity::new(SystemTime::UNIX_EPOCH, (end != ENDLESS).then(|| at(end))).expect("it has a life")
}

fn name(provider: &str) -> ProviderName {
    ProviderName::new(provider).expect("a name")
}

fn changed(changes: &[(&str, Change)]) -> CredentialSet {
    let mut set = CredentialSet::new();
    for (provider, change) in changes {
        match change {
            Change::Insert(end) => {
                let registry = Registry::new(format!("{provider}.example")).expect("valid");
                let login = Login::new(vec![registry], "AWS", "x".into()).expect("valid");
                let credential = RegistryCredential::new(vec![login], validity(*end)).expect("valid");
                set.insert(name(provider), Arc::new(credential)).expect("each has a registry of its own");
            }
            Change::Fail => set.insert_failed(name(provider)),
            Change::Limit(end) => set.limit(name(provider), at(*end)),
        }
    }
    set
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn a_stored_login_is_kept_if_it_expires_later_within_the_limit_of_its_provider(changes in changes(), stored in end()) {
        let (mut ends, mut limits) = (BTreeMap::new(), BTreeMap::new());
        for (provider, change) in &changes {
            match change {
                Change::Insert(end) => drop(ends.insert(*provider, *end)),
                Change::Fail => drop(ends.remove(provider)),
                Change::Limit(end) => drop(limits.insert(*provider, *end)),
            }
        }
        let set = changed(&changes);
        for provider in PROVIDERS {
            let stays = ends.get(provider).is_some_and(|new| stored > *new)
                && limits.get(provider).is_none_or(|limit| stored <= *limit);
            prop_assert_eq!(set.is_outlived_by(&name(provider), &validity(stored)), stays, "{}", provider);
        }
    }

    #[test]
    fn each_provider_has_a_credential_or_failed_or_was_not_called(changes in changes()) {
        let set = changed(&changes);
        for provider in PROVIDERS {
            let last = changes.iter().rfind(|(name, change)| *name == provider && !matches!(change, Change::Limit(_)));
            let last = last.map(|(_, change)| *change);
            let name = name(provider);
            prop_assert_eq!(set.get(&name).is_some(), matches!(last, Some(Change::Insert(_))));
            prop_assert_eq!(set.failed().contains(&name), matches!(last, Some(Change::Fail)));
        }
    }
}
