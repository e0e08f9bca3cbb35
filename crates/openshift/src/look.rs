//! What was seen at a target, kept from the look until the write that it leads to.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard},
};

use k8s_openapi::api::core::v1::ServiceAccount;
use regcred_core::{Observed, Refusal, Result, Target};

use crate::{
    link::Link,
    merge::Merged,
    metadata::Ours,
    record::{Records, by_provider},
};

/// The Secret and the ServiceAccounts of one target.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) secret: Found,
    /// By name; `None`: there is none.
    pub(crate) accounts: Accounts,
}

/// What stands at a target, and what may be done with it.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// There is no Secret: make one.
    Nothing,
    /// Ours to write.
    Ours(Ours),
    /// Somebody else's, who is named, and to be taken over.
    Adoptable(String),
    /// Somebody else's, and to be merged into.
    Merged(Merged),
    /// Not ours to write.
    Refused(Refusal),
}

/// What was read of each ServiceAccount. One that cannot be read is one link's failure, not the Secret's.
pub(crate) type Accounts = BTreeMap<String, Result<Option<ServiceAccount>>>;

impl Look {
    /// As the port reports it.
    pub(crate) fn observed(&self, links: &[Link], secret: &str) -> Option<Observed> {
        Some(match &self.secret {
            Found::Nothing => return None,
            Found::Refused(refusal) => Observed::refused(refusal.clone()),
            Found::Adoptable(owner) => Observed::adopted_from(owner),
            Found::Ours(ours) => self.holding(ours.records.as_ref(), &ours.drift, links, secret),
            Found::Merged(merged) => self.holding(Some(&merged.records), &merged.drift, links, secret),
        })
    }

    fn holding(&self, records: Option<&Records>, drift: &[String], links: &[Link], secret: &str) -> Observed {
        let unlinked =
            links.iter().filter(|link| self.account(link).is_some_and(|account| !link.holds(account, secret)));
        let unlinked = unlinked.map(|link| format!("ServiceAccount {} is not linked", link.account()));
        Observed::ours(records.map(by_provider).unwrap_or_default())
            .with_drift(drift.iter().cloned().chain(unlinked))
            .waiting_for(self.waiting_for(links))
            .with_failure(self.accounts.values().find_map(|read| read.as_ref().err().cloned()))
    }

    fn account(&self, link: &Link) -> Option<&ServiceAccount> {
        self.accounts.get(link.account())?.as_ref().ok()?.as_ref()
    }

    /// The accounts that should exist and do not.
    pub(crate) fn waiting_for(&self, links: &[Link]) -> Option<String> {
        let is_missing = |link: &Link| matches!(self.accounts.get(link.account()), None | Some(Ok(None)));
        let missing = links.iter().filter(|link| link.is_expected() && is_missing(link));
        let missing = missing.map(Link::account).collect::<Vec<_>>();
        (!missing.is_empty()).then(|| format!("ServiceAccount {} does not exist", missing.join(", ")))
    }
}

/// The looks that no write has used yet. A write takes its look along, so that none decides on what it has changed itself.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<HashMap<Target, Look>>);

impl Looks {
    pub(crate) fn put(&self, target: &Target, look: Look) {
        self.lock().insert(target.clone(), look);
    }

    pub(crate) fn take(&self, target: &Target) -> Option<Look> {
        self.lock().remove(target)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Target, Look>> {
        self.0.lock().expect("no call panics while it holds the lock")
    }
}
