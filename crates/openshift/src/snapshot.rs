//! The state of a target that `observe` read. It is passed to the next write.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ServiceAccount;
use regcred_core::{Details, Error, Observed, Refusal, Result};
use regcred_dockerconfig::Unread;

use crate::{
    link::{Link, Lists},
    ownership::{Owned, Version},
    record::{Records, by_provider},
    unread,
};

/// The Secret and the ServiceAccounts of one target.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The version of the Secret. `None`: it did not exist.
    pub(crate) version: Option<Version>,
    /// The other managers of the Secret.
    pub(crate) writers: Vec<String>,
    pub(crate) secret: SecretState,
    pub(crate) accounts: Accounts,
}

/// The Secret of a target, and what regcred may do with it.
#[derive(Clone, Debug)]
pub(crate) enum SecretState {
    /// The Secret does not exist and can be created.
    Absent,
    Owned(Owned),
    /// The Secret can be taken over from the named owner.
    Adoptable(String),
    /// The Secret of another owner, to merge into.
    Merged(Merged),
    Refused(Refusal),
}

/// Our entries in the Secret of another owner.
#[derive(Clone, Debug, Default)]
pub(crate) struct Merged {
    pub(crate) records: Records,
    /// The entries that another program has changed, as text.
    pub(crate) drift: Vec<String>,
    /// The readers that do not get our logins. `None`: all readers get them.
    pub(crate) unread: Option<Unread>,
}

/// The ServiceAccounts of the links.
#[derive(Clone, Debug)]
pub(crate) enum Accounts {
    Read(ReadAccounts),
    /// All existing ServiceAccounts are linked. The texts describe how each uses the Secret.
    Linked(Vec<String>),
}

/// Each ServiceAccount by name. `None`: it does not exist. If one cannot be read, only its link fails, not the Secret.
pub(crate) type ReadAccounts = BTreeMap<String, Result<Option<ServiceAccount>>>;

impl Snapshot {
    /// Returns the state in the form of the port.
    pub(crate) fn observed(&self, links: &[Link], secret: &str, manager: &str) -> Observed {
        let waiting_for = self.waiting_for(links);
        let (observed, records) = match &self.secret {
            SecretState::Absent => return Observed::absent(),
            SecretState::Refused(refusal) => (Observed::refused(refusal.clone()), None),
            SecretState::Adoptable(owner) => (Observed::adopted_from(owner), None),
            SecretState::Owned(owned) => {
                let yielded = (!owned.yielded.is_empty()).then(|| owned.yielded.join(", "));
                let holding = self.holding(owned.records.as_ref(), links, secret).waiting_for(waiting_for.or(yielded));
                let holding = holding.with_failure(self.accounts.failure()).with_drift(owned.drift.iter().cloned());
                (holding.with_undone(owned.undone.iter().cloned()), owned.records.as_ref())
            }
            SecretState::Merged(Merged { records, drift, unread }) => {
                let waiting_for = waiting_for.or_else(|| unread::waiting(unread.as_ref()?));
                let failure = unread.as_ref().and_then(unread::failure).or_else(|| self.accounts.failure());
                let holding = self.holding(Some(records), links, secret).waiting_for(waiting_for);
                (holding.with_failure(failure).with_drift(drift.iter().cloned()), Some(records))
            }
        };
        let is_owned = matches!(self.secret, SecretState::Owned(_));
        let mut details = Details::of(if is_owned { manager.to_owned() } else { self.writers.join(", ") });
        details.registries = records.into_iter().flat_map(Records::keys).cloned().collect();
        details.used_by = match &self.secret {
            // Without links in the config, the record in the Secret counts.
            SecretState::Owned(Owned { linked: Some(linked), .. }) if links.is_empty() => linked.users(),
            _ => self.users(links, |_, account| Lists::naming(account, secret)),
        };
        details.writers.clone_from(&self.writers);
        observed.remembered(matches!(self.accounts, Accounts::Linked(_))).with_details(details)
    }

    fn holding(&self, records: Option<&Records>, links: &[Link], secret: &str) -> Observed {
        let is_unlinked = |link: &&Link| self.account(link).is_some_and(|account| !link.holds(account, secret));
        let unlinked = links.iter().filter(is_unlinked);
        let unlinked = unlinked.map(|link| format!("ServiceAccount {} is not linked", link.account()));
        Observed::ours(records.map(by_provider).unwrap_or_default()).with_undone(unlinked)
    }

    /// Returns the accounts that use the Secret once all of them are linked, and how.
    pub(crate) fn users_once_linked(&self, links: &[Link], secret: &str) -> Vec<String> {
        self.users(links, |link, account| link.lists_once_linked(account, secret))
    }

    fn users(&self, links: &[Link], lists: impl Fn(&Link, &ServiceAccount) -> Lists) -> Vec<String> {
        let user = |link: &Link| lists(link, self.account(link)?).user(link.account());
        match &self.accounts {
            Accounts::Linked(users) => users.clone(),
            Accounts::Read(_) => links.iter().filter_map(user).collect(),
        }
    }

    fn account(&self, link: &Link) -> Option<&ServiceAccount> {
        self.accounts.of(link)?.as_ref().ok()?.as_ref()
    }

    /// Returns the accounts that should exist and do not.
    pub(crate) fn waiting_for(&self, links: &[Link]) -> Option<String> {
        let Accounts::Read(read) = &self.accounts else { return None };
        let is_missing = |link: &Link| matches!(read.get(link.account()), None | Some(Ok(None)));
        let missing = links.iter().filter(|link| link.is_expected() && is_missing(link));
        let missing = missing.map(Link::account).collect::<Vec<_>>();
        (!missing.is_empty()).then(|| format!("ServiceAccount {} does not exist", missing.join(", ")))
    }
}

impl Accounts {
    pub(crate) fn of(&self, link: &Link) -> Option<&Result<Option<ServiceAccount>>> {
        match self {
            Self::Read(read) => read.get(link.account()),
            Self::Linked(_) => None,
        }
    }

    fn failure(&self) -> Option<Error> {
        match self {
            Self::Read(read) => read.values().find_map(|read| read.as_ref().err().cloned()),
            Self::Linked(_) => None,
        }
    }
}
