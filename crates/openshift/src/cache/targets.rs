//! The cached targets of one sink. Watches feed them, and the sink reads them.

use std::sync::{Arc, Mutex, MutexGuard};

use k8s_openapi::{api::core::v1::ServiceAccount, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use regcred_core::{Observed, Result, Target};

use super::{
    cluster::Cache,
    states::{Contents, Origin, Snapshot, States},
};
use crate::{
    fields::{DATA, has, is_latest, may_be_immutable, updated},
    link::{Link, Recorded},
    look::{Accounts, Found, Look},
    ownership::{Ours, Standing},
    watch::Event,
    writer::{Foreign, SecretWriter},
};

/// The targets of one sink, each in its latest known state.
pub(crate) struct Targets {
    writer: Arc<SecretWriter>,
    cache: Cache,
    states: Mutex<States>,
}

impl Targets {
    pub(crate) fn new(writer: Arc<SecretWriter>, cache: Cache) -> Self {
        Self { writer, cache, states: Mutex::default() }
    }

    fn states(&self) -> MutexGuard<'_, States> {
        self.states.lock().expect("no call panics while it holds the lock")
    }

    /// The cache that it shares with the other sinks of the cluster.
    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The ServiceAccounts that use each Secret.
    pub(crate) fn accounts(&self) -> Vec<String> {
        self.writer.links().iter().map(|link| link.account().to_owned()).collect()
    }
}

/// The side of the watches.
impl Targets {
    /// Watches report every change of a target from now on. Earlier changes may have been missed.
    pub(crate) fn follow(&self, target: &Target) {
        self.states().follow(target);
    }

    pub(crate) fn unfollow(&self, target: &Target) {
        self.states().unfollow(target);
    }

    /// A target has changed, or may have: the next look reads it.
    pub(crate) fn invalidate(&self, target: &Target) {
        self.cache.touch(target); // first: a look that begins in between finds no older list
        self.states().invalidate(target);
    }

    /// Takes an event of the Secret of a target. Returns whether the target needs another look.
    pub(crate) fn secret_event(&self, target: &Target, event: &Event) -> bool {
        let is_changed = match event {
            Event::Made(object) | Event::Written(object) => {
                !object.is_readable || !self.is_as_left(&object.metadata, target)
            }
            Event::Gone(_) => true,
            Event::Resumed | Event::Denied(_) => false,
        };
        if is_changed {
            self.invalidate(target);
        }
        is_changed
    }

    /// Takes an event of a ServiceAccount that uses the Secret of a target. Returns whether the target needs another look.
    pub(crate) fn account_event(&self, target: &Target, name: &str, event: &Event) -> bool {
        let own = || self.writer.links().iter().filter(|link| link.account() == name);
        let is_linked = |account: &ServiceAccount| own().all(|link| link.holds(account, target.name()));
        let is_changed = match event {
            // The target may wait for it.
            Event::Made(_) | Event::Gone(_) => true,
            Event::Written(object) => !object.account().is_some_and(is_linked),
            Event::Resumed | Event::Denied(_) => false,
        };
        if is_changed {
            self.invalidate(target);
        }
        // Nothing can be linked to an account that is gone: the next look is soon enough.
        is_changed && !matches!(event, Event::Gone(_))
    }

    /// Whether a Secret is as regcred left it, by its metadata alone. It is not if another program wrote it as regcred's field manager.
    fn is_as_left(&self, metadata: &ObjectMeta, target: &Target) -> bool {
        let writer = &self.writer;
        let is_whole = match writer.foreign() {
            Foreign::Merge | Foreign::MergeOrCreate => {
                updated(metadata, writer.merge_manager()).is_some_and(|fields| has(fields, &DATA))
            }
            Foreign::Refuse | Foreign::Adopt => match writer.standing(metadata, target) {
                Standing::Ours(ours) => ours.is_whole() && ours.records.is_some() && !may_be_immutable(metadata),
                Standing::Theirs(_) | Standing::Instance(_) => false,
            },
        };
        if !is_whole {
            return false;
        }
        let origin = self.states().report(target, metadata.resource_version.as_deref());
        if origin != Origin::Known {
            self.cache.touch(target);
        }
        let is_doubtful = origin == Origin::Unknown && is_latest(metadata, writer.manager());
        if is_doubtful {
            self.doubt(target);
        }
        !is_doubtful
    }
}

/// The side of the sink.
impl Targets {
    /// Whether watches report every change of a target.
    pub(crate) fn is_followed(&self, target: &Target) -> bool {
        self.states().is_followed(target)
    }

    /// A target that has not changed since its latest look or write. `None`: it has to be read.
    pub(crate) fn current(&self, target: &Target) -> Option<Look> {
        let Snapshot { version, contents } = self.states().current(target)?;
        let ours = Ours {
            version: version.clone(),
            records: Some(contents.records.clone()),
            drift: vec![],
            undone: vec![],
            form: self.writer.form().clone().into(),
            theirs: vec![],
            is_claimed: false,
            linked: Some(Recorded::of(self.writer.links())),
            data_intact: true,
        };
        let accounts = Accounts::Linked(contents.used_by.clone());
        Some(Look { version: Some(version), writers: contents.writers.clone(), secret: Found::Ours(ours), accounts })
    }

    /// Reads the metadata of a Secret, from a list if one has it. `None`: there is none.
    pub(crate) async fn secret(&self, target: &Target) -> Result<Option<ObjectMeta>> {
        match self.cache.secret(target).await? {
            Some(listed) => Ok(listed),
            None => self.writer.store.secret_metadata(target.group(), target.name()).await,
        }
    }

    /// Reads a ServiceAccount, from a list if one has it. `None`: there is none.
    pub(crate) async fn account(&self, target: &Target, link: &Link) -> Result<Option<ServiceAccount>> {
        match self.cache.account(target, link.account()).await? {
            Some(listed) => Ok(listed),
            None => self.writer.store.account(target.group(), link.account()).await,
        }
    }

    /// A look at a target begins. Returns whether the data of the Secret has to be read.
    pub(crate) fn begin(&self, target: &Target) -> bool {
        self.states().begin(target)
    }

    /// The data of a target has to be read.
    pub(crate) fn doubt(&self, target: &Target) {
        self.states().doubt(target);
    }

    /// A write of a target begins.
    pub(crate) fn write(&self, target: &Target) {
        self.states().write(target);
    }

    /// A write of a target has ended: older lists do not show it.
    pub(crate) fn written(&self, target: &Target) {
        self.cache.touch(target);
    }

    /// Keeps the result of a look, if nothing is left to do there.
    pub(crate) fn keep_read(&self, target: &Target, look: &Look, observed: &Observed) {
        let Observed { undone, waiting_for: None, failure: None, details, .. } = observed else { return };
        if let (Found::Ours(ours), Accounts::Read(_)) = (&look.secret, &look.accounts)
            && undone.is_empty()
        {
            self.keep(target, ours, details.used_by.clone(), details.writers.clone());
        }
    }

    /// Keeps the result of a write of the Secret and of every link.
    pub(crate) fn keep_written(&self, target: &Target, secret: &ObjectMeta, look: &Look) {
        if let Standing::Ours(ours) = self.writer.standing(secret, target) {
            let used_by = look.users_once_linked(self.writer.links(), target.name());
            self.keep(target, &ours, used_by, look.writers.clone());
        }
    }

    fn keep(&self, target: &Target, secret: &Ours, used_by: Vec<String>, writers: Vec<String>) {
        let is_done = secret.is_whole() && secret.theirs.is_empty() && !secret.is_claimed;
        if let Some(records) = secret.records.clone().filter(|_| is_done) {
            self.states().keep(target, secret.version.clone(), Contents { records, used_by, writers });
        }
    }
}
