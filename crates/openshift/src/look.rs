//! What was seen at a target, as the next write gets it back.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ServiceAccount;
use regcred_core::{Details, Error, Observed, Refusal, Result};

use crate::{
    hidden::Unread,
    link::Link,
    ownership::{Ours, Version},
    record::{Records, by_provider},
};

/// The Secret and the ServiceAccounts of one target.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// The Secret in the state that was seen; `None`: there was none.
    pub(crate) version: Option<Version>,
    /// Who else writes the Secret or has written it.
    pub(crate) writers: Vec<String>,
    pub(crate) secret: Found,
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

/// What our entries in somebody else's Secret are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Merged {
    pub(crate) records: Records,
    /// Those of them that somebody else has written since, in words.
    pub(crate) drift: Vec<String>,
    /// The readers that do not get them; `None`: all do.
    pub(crate) unread: Option<Unread>,
}

/// The ServiceAccounts that are to use the Secret.
#[derive(Clone, Debug)]
pub(crate) enum Accounts {
    Read(ReadAccounts),
    /// Each that exists does, and these are they, and how.
    Linked(Vec<String>),
}

/// What was read of each, by name; `None`: there is none. One that cannot be read is one link's failure, not the Secret's.
pub(crate) type ReadAccounts = BTreeMap<String, Result<Option<ServiceAccount>>>;

impl Look {
    /// As the port reports it.
    pub(crate) fn observed(&self, links: &[Link], secret: &str, us: &str) -> Observed {
        let observed = match &self.secret {
            Found::Nothing => return Observed::absent(),
            Found::Refused(refusal) => Observed::refused(refusal.clone()),
            Found::Adoptable(owner) => Observed::adopted_from(owner),
            Found::Ours(ours) => {
                let holding = self.holding(ours.records.as_ref(), links, secret);
                let theirs = (!ours.theirs.is_empty()).then(|| ours.theirs.join(", "));
                let waiting_for = self.waiting_for(links).or(theirs);
                let holding = holding.waiting_for(waiting_for);
                holding.with_drift(ours.drift.iter().cloned()).with_undone(ours.undone.iter().cloned())
            }
            Found::Merged(merged) => {
                let unread = merged.unread.as_ref();
                let waiting_for = self.waiting_for(links).or_else(|| unread?.waiting());
                let failure = unread.and_then(Unread::failure).or_else(|| self.accounts.failure());
                let holding = self.holding(Some(&merged.records), links, secret).waiting_for(waiting_for);
                holding.with_failure(failure).with_drift(merged.drift.iter().cloned())
            }
        };
        let (owner, records) = match &self.secret {
            Found::Ours(ours) => (us.to_owned(), ours.records.as_ref()),
            Found::Merged(merged) => (self.writers.join(", "), Some(&merged.records)),
            Found::Nothing | Found::Refused(_) | Found::Adoptable(_) => (self.writers.join(", "), None),
        };
        let mut details = Details::of(owner);
        details.registries = records.into_iter().flat_map(Records::keys).cloned().collect();
        details.used_by = match &self.secret {
            // Without a config the Secret itself says which accounts use it.
            Found::Ours(Ours { linked: Some(linked), .. }) if links.is_empty() => linked.users(),
            _ => self.users(links, secret),
        };
        details.writers.clone_from(&self.writers);
        let is_remembered = matches!(self.accounts, Accounts::Linked(_));
        observed.remembered(is_remembered).with_details(details)
    }

    /// Each account of the links that uses the Secret, and how.
    fn users(&self, links: &[Link], secret: &str) -> Vec<String> {
        self.users_by(links, |_, account| Link::uses(account, secret))
    }

    /// The same once all of them are linked.
    pub(crate) fn users_once_linked(&self, links: &[Link], secret: &str) -> Vec<String> {
        self.users_by(links, |link, account| link.will_use(account, secret))
    }

    fn users_by(&self, links: &[Link], how: impl Fn(&Link, &ServiceAccount) -> Option<&'static str>) -> Vec<String> {
        match &self.accounts {
            Accounts::Linked(users) => users.clone(),
            Accounts::Read(_) => {
                let user = |link: &Link| Some(format!("{} ({})", link.account(), how(link, self.account(link)?)?));
                links.iter().filter_map(user).collect()
            }
        }
    }

    fn holding(&self, records: Option<&Records>, links: &[Link], secret: &str) -> Observed {
        let unlinked =
            links.iter().filter(|link| self.account(link).is_some_and(|account| !link.holds(account, secret)));
        let unlinked = unlinked.map(|link| format!("ServiceAccount {} is not linked", link.account()));
        Observed::ours(records.map(by_provider).unwrap_or_default())
            .with_undone(unlinked)
            .waiting_for(self.waiting_for(links))
            .with_failure(self.accounts.failure())
    }

    fn account(&self, link: &Link) -> Option<&ServiceAccount> {
        self.accounts.of(link)?.as_ref().ok()?.as_ref()
    }

    /// The accounts that should exist and do not.
    pub(crate) fn waiting_for(&self, links: &[Link]) -> Option<String> {
        let is_missing = |link: &Link| matches!(self.accounts.of(link), None | Some(Ok(None)));
        let links = if matches!(self.accounts, Accounts::Linked(_)) { &[] } else { links };
        let missing = links.iter().filter(|link| link.is_expected() && is_missing(link));
        let missing = missing.map(Link::account).collect::<Vec<_>>();
        (!missing.is_empty()).then(|| format!("ServiceAccount {} does not exist", missing.join(", ")))
    }
}

impl Accounts {
    /// What was read of one.
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
