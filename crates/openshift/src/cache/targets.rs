//! The cached targets of one sink. Watches update them, and the sink reads them.

use std::sync::{Arc, Mutex, MutexGuard};

use k8s_openapi::{api::core::v1::ServiceAccount, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use regcred_core::{Observed, Result, Target};

use super::{
    cluster::Cache,
    states::{Contents, Origin, States},
};
use crate::{
    fields::{DATA, is_latest, is_owned, may_be_immutable},
    link::{Link, Recorded},
    ownership::{Owned, Ownership},
    snapshot::{Accounts, SecretState, Snapshot},
    watch::Event,
    writer::SecretWriter,
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

    pub(crate) fn states(&self) -> MutexGuard<'_, States> {
        self.states.lock().expect("no call panics while it holds the lock")
    }

    /// Returns the cache that it shares with the other sinks of the cluster.
    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Returns the ServiceAccounts that use each Secret.
    pub(crate) fn accounts(&self) -> Vec<String> {
        self.writer.settings.links.iter().map(|link| link.account().to_owned()).collect()
    }

    /// Records that a target may have changed. The next `observe` reads it.
    pub(crate) fn invalidate(&self, target: &Target) {
        self.cache.touch(target); // first, so that an `observe` in between finds no older list
        self.states().invalidate(target);
    }

    /// Handles an event of the Secret of a target. Returns whether the target must be reconciled.
    pub(crate) fn secret_event(&self, target: &Target, event: &Event) -> bool {
        let is_changed = match event {
            Event::Added(object) | Event::Modified(object) => {
                !object.is_readable || !self.is_as_left(&object.metadata, target)
            }
            Event::Deleted(_) => true,
            Event::Resumed | Event::Denied(_) => false,
        };
        if is_changed {
            self.invalidate(target);
        }
        is_changed
    }

    /// Handles an event of a ServiceAccount that uses the Secret of a target. Returns whether the target must be
    /// reconciled.
    pub(crate) fn account_event(&self, target: &Target, name: &str, event: &Event) -> bool {
        let own = || self.writer.settings.links.iter().filter(|link| link.account() == name);
        let is_linked = |account: &ServiceAccount| own().all(|link| link.holds(account, target.name()));
        let is_changed = match event {
            // The target may be waiting for it.
            Event::Added(_) | Event::Deleted(_) => true,
            Event::Modified(object) => !object.account.as_ref().is_some_and(is_linked),
            Event::Resumed | Event::Denied(_) => false,
        };
        if is_changed {
            self.invalidate(target);
        }
        // After a deletion there is nothing to link, so the next due reconcile is soon enough.
        is_changed && !matches!(event, Event::Deleted(_))
    }

    /// Returns whether a Secret is as regcred left it, by its metadata alone. It is not if another program wrote it as
    /// regcred's field manager.
    fn is_as_left(&self, metadata: &ObjectMeta, target: &Target) -> bool {
        let writer = &self.writer;
        let is_whole = if writer.settings.foreign.merges() {
            is_owned(metadata, (&writer.merge_manager, "Update"), &DATA)
        } else {
            match writer.ownership(metadata, target) {
                Ownership::Owned(owned) => owned.is_whole() && owned.records.is_some() && !may_be_immutable(metadata),
                Ownership::Foreign(_) | Ownership::OtherInstance(_) => false,
            }
        };
        if !is_whole {
            return false;
        }
        let origin = self.states().report(target, metadata.resource_version.as_deref());
        if origin != Origin::Known {
            self.cache.touch(target);
        }
        let is_doubtful = origin == Origin::Unknown && is_latest(metadata, &writer.manager);
        if is_doubtful {
            self.states().doubt(target);
        }
        !is_doubtful
    }

    /// Returns a target that has not changed since its latest reconcile. `None`: it must be read.
    pub(crate) fn current(&self, target: &Target) -> Option<Snapshot> {
        let (version, contents) = self.states().current(target)?;
        let owned = Owned {
            version: version.clone(),
            records: Some(contents.records.clone()),
            drift: vec![],
            undone: vec![],
            template: self.writer.settings.template.clone().into(),
            yielded: vec![],
            is_claimed: false,
            linked: Some(Recorded::of(&self.writer.settings.links)),
            data_intact: true,
        };
        let (writers, accounts) = (contents.writers.clone(), Accounts::Linked(contents.used_by.clone()));
        Some(Snapshot { version: Some(version), writers, secret: SecretState::Owned(owned), accounts })
    }

    /// Reads the metadata of a Secret, from a list if one has it. `None`: it does not exist.
    pub(crate) async fn secret(&self, target: &Target) -> Result<Option<ObjectMeta>> {
        match self.cache.secret(target).await? {
            Some(listed) => Ok(listed),
            None => self.writer.store.secret_metadata(target).await,
        }
    }

    /// Reads a ServiceAccount, from a list if one has it. `None`: it does not exist.
    pub(crate) async fn account(&self, target: &Target, link: &Link) -> Result<Option<ServiceAccount>> {
        match self.cache.account(target, link.account()).await? {
            Some(listed) => Ok(listed),
            None => self.writer.store.account(target.group(), link.account()).await,
        }
    }

    /// Keeps the result of `observe` if nothing is left to do for the target.
    pub(crate) fn keep_read(&self, target: &Target, snapshot: &Snapshot, observed: &Observed) {
        let Observed { undone, waiting_for: None, failure: None, details, .. } = observed else { return };
        if let (SecretState::Owned(owned), Accounts::Read(_)) = (&snapshot.secret, &snapshot.accounts)
            && undone.is_empty()
        {
            self.keep(target, owned, details.used_by.clone(), details.writers.clone());
        }
    }

    /// Keeps the result of a write of the Secret and of every link.
    pub(crate) fn keep_written(&self, target: &Target, secret: &ObjectMeta, snapshot: &Snapshot) {
        if let Ownership::Owned(owned) = self.writer.ownership(secret, target) {
            let used_by = snapshot.users_once_linked(&self.writer.settings.links, target.name());
            self.keep(target, &owned, used_by, snapshot.writers.clone());
        }
    }

    fn keep(&self, target: &Target, secret: &Owned, used_by: Vec<String>, writers: Vec<String>) {
        let is_done = secret.is_whole() && secret.yielded.is_empty() && !secret.is_claimed;
        if let Some(records) = secret.records.clone().filter(|_| is_done) {
            self.states().keep(target, secret.version.clone(), Contents { records, used_by, writers });
        }
    }
}
