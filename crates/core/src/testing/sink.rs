//! A sink in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;

use crate::{
    Applied, CredentialSet, Error, ErrorKind, Observed, ProviderName, Refusal, Registry, Result, Revision, SecretSink,
    Target, Validity, Written,
};

/// Stores credentials in memory, refuses foreign targets, and records its calls.
#[derive(Debug, Default)]
pub struct MemorySink {
    latency: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    stored: BTreeMap<Target, Stored>,
    /// Increases with each change of a target by any writer.
    versions: BTreeMap<Target, u64>,
    failures: BTreeMap<Target, Error>,
    panics: BTreeSet<Target>,
    waits: BTreeMap<Target, String>,
    undone: BTreeMap<Target, String>,
    observed: Vec<Target>,
    writes: usize,
}

#[derive(Debug)]
enum Stored {
    Ours { entries: BTreeMap<Registry, Entry>, edited: bool },
    Foreign { owner: String },
}

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    provider: ProviderName,
    username: String,
    password: String,
    validity: Validity,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("provider", &self.provider)
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}

impl MemorySink {
    /// Creates a sink with a delay before each response, in tokio's time.
    pub fn with_latency(latency: Duration) -> Self {
        Self { latency, ..Self::default() }
    }

    /// Replaces the target with content of another owner.
    pub fn plant_foreign(&self, target: &Target, owner: &str) {
        self.change(target, |stored| *stored = Some(Stored::Foreign { owner: owner.into() }));
    }

    /// Marks the target as edited by another writer, if regcred owns it.
    pub fn edit(&self, target: &Target) {
        self.change(target, |stored| {
            if let Some(Stored::Ours { edited, .. }) = stored {
                *edited = true;
            }
        });
    }

    /// Removes all entries of regcred, without a trace of the other writer.
    pub fn empty(&self, target: &Target) {
        self.change(target, |stored| {
            if let Some(Stored::Ours { entries, .. }) = stored {
                entries.clear();
            }
        });
    }

    /// Deletes the target, as another writer does.
    pub fn delete(&self, target: &Target) {
        self.change(target, |stored| *stored = None);
    }

    /// Makes every later call for this target fail with this error. `None`: calls succeed again.
    pub fn fail_with(&self, target: &Target, failure: impl Into<Option<Error>>) {
        let mut state = self.state();
        match failure.into() {
            Some(failure) => state.failures.insert(target.clone(), failure),
            None => state.failures.remove(target),
        };
    }

    /// Makes every later call for this target panic.
    pub fn panic_at(&self, target: &Target) {
        self.state().panics.insert(target.clone());
    }

    /// Leaves this work to do beside the target until the next `apply`.
    pub fn leave_undone(&self, target: &Target, what: &str) {
        self.state().undone.insert(target.clone(), what.into());
    }

    /// Sets the condition that this target waits for. `None`: there is none.
    pub fn wait_for(&self, target: &Target, what: Option<&str>) {
        let mut state = self.state();
        match what {
            Some(what) => state.waits.insert(target.clone(), what.into()),
            None => state.waits.remove(target),
        };
    }

    /// Returns the stored user name and password by registry. The map is empty if the target is foreign. `None`:
    /// nothing is stored.
    pub fn stored(&self, target: &Target) -> Option<BTreeMap<Registry, (String, String)>> {
        match self.state().stored.get(target)? {
            Stored::Ours { entries, .. } => {
                let login = |entry: &Entry| (entry.username.clone(), entry.password.clone());
                Some(entries.iter().map(|(registry, entry)| (registry.clone(), login(entry))).collect())
            }
            Stored::Foreign { .. } => Some(BTreeMap::new()),
        }
    }

    /// Returns the validity of every stored entry.
    pub fn validities(&self) -> Vec<Validity> {
        let state = self.state();
        let ours = state.stored.values().filter_map(|stored| match stored {
            Stored::Ours { entries, .. } => Some(entries.values().map(|entry| entry.validity)),
            Stored::Foreign { .. } => None,
        });
        ours.flatten().collect()
    }

    /// Returns every observed target, in the order of the responses.
    pub fn observed(&self) -> Vec<Target> {
        self.state().observed.clone()
    }

    /// Returns how often `apply` changed a target.
    pub fn writes(&self) -> usize {
        self.state().writes
    }

    fn change(&self, target: &Target, change: impl FnOnce(&mut Option<Stored>)) {
        let state = &mut *self.state();
        let mut stored = state.stored.remove(target);
        change(&mut stored);
        state.put(target, stored);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no call panics while it holds the lock")
    }

    async fn begin(&self, target: &Target) -> Result<()> {
        tokio::time::sleep(self.latency).await;
        let panics = self.state().panics.contains(target);
        assert!(!panics, "the test asked for a panic at {target}");
        self.state().failures.get(target).cloned().map_or(Ok(()), Err)
    }
}

impl State {
    fn put(&mut self, target: &Target, stored: Option<Stored>) {
        *self.versions.entry(target.clone()).or_default() += 1;
        self.stored.remove(target);
        self.stored.extend(stored.map(|stored| (target.clone(), stored)));
    }

    fn version(&self, target: &Target) -> u64 {
        self.versions.get(target).copied().unwrap_or_default()
    }
}

fn foreign(owner: &str) -> Refusal {
    Refusal::new("foreign", format!("it belongs to {owner}"), "choose another name")
}

#[async_trait]
impl SecretSink for MemorySink {
    async fn observe(&self, target: &Target) -> Result<Observed> {
        self.begin(target).await?;
        let mut state = self.state();
        state.observed.push(target.clone());
        let observed = match state.stored.get(target) {
            None => Observed::absent(),
            Some(Stored::Foreign { owner }) => Observed::refused(foreign(owner)),
            Some(Stored::Ours { entries, edited }) => {
                let validity = entries.values().map(|entry| (entry.provider.clone(), entry.validity)).collect();
                let drift = edited.then(|| "it was edited".into());
                let undone = state.undone.get(target).cloned();
                Observed::ours(validity)
                    .with_drift(drift)
                    .with_undone(undone)
                    .waiting_for(state.waits.get(target).cloned())
            }
        };
        Ok(observed.with_revision(Revision::new(state.version(target))))
    }

    async fn apply(&self, target: &Target, observed: &Observed, credentials: &CredentialSet) -> Result<Applied> {
        self.begin(target).await?;
        let state = &mut *self.state();
        if observed.revision.get() != Some(&state.version(target)) {
            let error = Error::new(ErrorKind::Conflict, format!("cannot change {target}"));
            return Err(error.with_cause("another writer changed it meanwhile"));
        }
        let (before, intact) = match state.stored.get(target) {
            None => (None, true),
            Some(Stored::Ours { entries, edited }) => (Some(entries), !edited),
            Some(Stored::Foreign { owner }) => return Err(foreign(owner).into()),
        };
        let mut after = BTreeMap::new();
        for (registry, entry) in before.into_iter().flatten() {
            if credentials.failed().contains(&entry.provider) {
                after.insert(registry.clone(), entry.clone());
            }
        }
        for (provider, credential) in credentials.iter() {
            for login in credential.logins() {
                for registry in login.registries() {
                    let new = Entry {
                        provider: provider.clone(),
                        username: login.username().into(),
                        password: login.secret().expose().into(),
                        validity: credential.validity(),
                    };
                    let old = before.and_then(|entries| entries.get(registry));
                    let keep = old.filter(|old| {
                        intact && old.provider == new.provider && credentials.is_outlived_by(provider, &old.validity)
                    });
                    after.insert(registry.clone(), keep.cloned().unwrap_or(new));
                }
            }
        }
        let written = match before {
            None => Written::Created,
            Some(before) if intact && *before == after => Written::Unchanged,
            Some(_) => Written::Updated,
        };
        if written != Written::Unchanged {
            state.writes += 1;
            state.put(target, Some(Stored::Ours { entries: after, edited: false }));
        }
        let also = state.undone.remove(target).is_some();
        Ok(Applied::new(written).also_written(also).waiting_for(state.waits.get(target).cloned()))
    }

    async fn remove(&self, target: &Target) -> Result<()> {
        self.begin(target).await?;
        let mut state = self.state();
        if let Some(Stored::Foreign { owner }) = state.stored.get(target) {
            return Err(foreign(owner).into());
        }
        state.put(target, None);
        Ok(())
    }
}
