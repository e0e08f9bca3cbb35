//! The logins of regcred in a document.

use std::collections::{BTreeMap, BTreeSet};

use crate::{CredentialSet, InstanceName, Login, ProviderName, Registry, Result, Validity, earliest_by_provider};

/// The logins of regcred in a document.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Contents {
    /// The installation that wrote the document.
    pub instance: InstanceName,
    /// One login for each registry.
    pub entries: BTreeMap<Registry, Entry>,
    /// Changes by another writer since regcred's last write, such as "its login for r.example was edited".
    pub drift: Vec<String>,
    /// Why some readers of the document do not get a login, such as "a credential helper replaces the login for r.example
    /// in Docker". `None`: every reader gets each login.
    pub unread: Option<String>,
}

/// The login for one registry.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// The provider that minted it.
    pub provider: ProviderName,
    /// The validity of the login. `None`: it is unknown, because another writer changed the login.
    pub validity: Option<Validity>,
    /// The login itself, for this registry only.
    pub login: Login,
}

impl Contents {
    /// Creates contents without a login.
    pub fn new(instance: InstanceName) -> Self {
        Self { instance, entries: BTreeMap::new(), drift: vec![], unread: None }
    }

    /// Returns what a document holds after a set is applied. `self` is what it holds before.
    ///
    /// The entries of a failed provider stay. An entry that ends later than its replacement stays too. All other
    /// entries without a new credential are removed.
    pub fn with(&self, set: &CredentialSet) -> Result<Self> {
        let mut entries = self.entries.clone();
        entries.retain(|_, entry| set.failed().contains(&entry.provider));
        for (provider, credential) in set.iter() {
            for login in credential.logins() {
                for registry in login.registries() {
                    let login = login.for_registries(vec![registry.clone()])?;
                    let new = Entry { provider: provider.clone(), validity: Some(credential.validity()), login };
                    let old = self.entries.get(registry).filter(|old| old.outlives_in(set, &new));
                    entries.insert(registry.clone(), old.cloned().unwrap_or(new));
                }
            }
        }
        Ok(Self { instance: self.instance.clone(), entries, drift: vec![], unread: None })
    }

    /// Returns the validity of each provider, from the entry that ends first. A provider with an entry of unknown
    /// validity is absent.
    pub fn validity(&self) -> BTreeMap<ProviderName, Validity> {
        let known = self.entries.values().filter_map(|entry| Some((&entry.provider, entry.validity?)));
        let mut dates = earliest_by_provider(known);
        let unknown = self.entries.values().filter(|entry| entry.validity.is_none()).map(|entry| &entry.provider);
        let unknown = unknown.collect::<BTreeSet<_>>();
        dates.retain(|provider, _| !unknown.contains(provider));
        dates
    }
}

impl Entry {
    /// Creates an entry. `login` is for one registry.
    pub fn new(provider: ProviderName, validity: Option<Validity>, login: Login) -> Self {
        Self { provider, validity, login }
    }

    fn outlives_in(&self, set: &CredentialSet, new: &Self) -> bool {
        let is_later = |validity: Validity| set.is_outlived_by(&self.provider, &validity);
        self.provider == new.provider && self.validity.is_some_and(is_later)
    }
}
