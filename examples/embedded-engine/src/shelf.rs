//! A sink that is a map in memory. The rest of the bot reads its logins from it.

use std::{collections::BTreeMap, sync::Arc};

use regcred::core::{
    Applied, CredentialSet, Error, ErrorKind, Login, Observed, ProviderName, RegistryCredential, Result, Revision,
    SecretSink, Target, Written, async_trait,
};
use tokio::sync::watch;

/// The credentials of a target, by provider.
type Held = BTreeMap<ProviderName, Arc<RegistryCredential>>;

/// The logins of every team.
#[derive(Debug, Default)]
pub(crate) struct Shelf(watch::Sender<BTreeMap<Target, Arc<Held>>>);

impl Shelf {
    /// Returns the logins of a team. Waits until there is at least one.
    pub(crate) async fn logins(&self, team: &Target) -> Vec<Login> {
        let mut changes = self.0.subscribe();
        let now = changes.wait_for(|shelf| shelf.contains_key(team)).await.expect("the sender is our own");
        now[team].values().flat_map(|credential| credential.logins()).cloned().collect()
    }
}

#[async_trait]
impl SecretSink for Shelf {
    async fn observe(&self, target: &Target) -> Result<Observed> {
        let held = self.0.borrow().get(target).cloned();
        let validity = |held: &Arc<Held>| held.iter().map(|(name, it)| (name.clone(), it.validity())).collect();
        let observed = held.as_ref().map_or_else(Observed::absent, |held| Observed::ours(validity(held)));
        Ok(observed.with_revision(Revision::new(held)))
    }

    async fn apply(&self, target: &Target, observed: &Observed, credentials: &CredentialSet) -> Result<Applied> {
        let seen = observed.revision.get::<Option<Arc<Held>>>().and_then(Option::as_ref);
        let conflict = Error::new(ErrorKind::Conflict, format!("cannot write {target}"));
        let mut written = Err(conflict.with_cause("another writer changed it"));
        self.0.send_modify(|shelf| {
            let before = shelf.get(target);
            if before.map(Arc::as_ptr) != seen.map(Arc::as_ptr) {
                return;
            }
            let mut held = credentials.iter().map(|(name, new)| (name.clone(), new.clone())).collect::<Held>();
            let stays = |(name, old): &(&ProviderName, &Arc<RegistryCredential>)| {
                credentials.failed().contains(*name) || credentials.is_outlived_by(name, &old.validity())
            };
            let old = before.into_iter().flat_map(|before| before.iter());
            held.extend(old.filter(stays).map(|(name, old)| (name.clone(), old.clone())));
            let is_same = |before: &Arc<Held>| {
                held.len() == before.len()
                    && held.iter().all(|(name, it)| before.get(name).is_some_and(|old| Arc::ptr_eq(it, old)))
            };
            written = Ok(match before {
                None => Written::Created,
                Some(before) if is_same(before) => Written::Unchanged,
                Some(_) => Written::Updated,
            });
            shelf.insert(target.clone(), Arc::new(held));
        });
        written.map(Applied::new)
    }

    async fn remove(&self, target: &Target) -> Result<()> {
        self.0.send_modify(|shelf| drop(shelf.remove(target)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use regcred::core::{
        Clock, RegistryProvider,
        testing::{FakeProvider, SinkExt, TestClock, provider_name, target},
    };

    use super::*;

    async fn set(clock: &Arc<TestClock>, providers: &[&str]) -> CredentialSet {
        let mut set = CredentialSet::new();
        for name in providers {
            let provider = FakeProvider::new(clock.clone(), &format!("{name}.example"));
            let credential = provider.credential().await.expect("it works");
            set.insert(provider_name(name), Arc::new(credential)).expect("each has a registry of its own");
        }
        set
    }

    #[tokio::test(start_paused = true)]
    async fn the_shelf_sink_follows_the_rules_of_a_sink() {
        let (clock, shelf, team) = (Arc::new(TestClock::new()), Shelf::default(), target("team-a"));
        let written = async |set: &CredentialSet| shelf.write(&team, set).await.expect("it works").written;
        let both = set(&clock, &["one", "two"]).await;
        assert_eq!((written(&both).await, written(&both).await), (Written::Created, Written::Unchanged));
        clock.step(Duration::from_hours(1));
        let mut later = set(&clock, &["one"]).await;
        later.insert_failed(provider_name("two"));
        assert_eq!((written(&later).await, written(&both).await), (Written::Updated, Written::Unchanged));
        let held = shelf.observe(&team).await.expect("it works").existing().expect("it exists").validity;
        assert_eq!(held[&provider_name("one")].issued_at(), clock.now(), "an earlier end is not written over it");
        assert_eq!(held.len(), 2, "what a provider that failed has left stays");
        written(&set(&clock, &["one"]).await).await;
        assert_eq!(shelf.logins(&team).await.len(), 1, "unneeded logins are removed");
        shelf.remove(&team).await.expect("it works");
        assert!(shelf.observe(&team).await.expect("it works").existing().is_none());
    }
}
