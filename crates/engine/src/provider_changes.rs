//! Waits for changes of the sources of providers.

use std::{collections::HashMap, future::pending, sync::Arc, time::Duration};

use regcred_core::ProviderName;
use tokio::{
    task::{Id, JoinSet},
    time::sleep,
};
use tracing::{info, warn};

use crate::Minter;

/// The shortest time between two changes of one provider. A provider that always reports a change then mints once in
/// this time.
const REST: Duration = Duration::from_secs(1);

/// The providers of an engine, each with a task that waits for a change of its source.
pub(crate) struct ProviderChanges {
    groups: Vec<Group>,
    tasks: JoinSet<()>,
    /// The index of each task's group.
    waiting: HashMap<Id, usize>,
}

/// Minters that share one provider.
struct Group {
    base: Arc<Minter>,
    names: Vec<ProviderName>,
}

impl ProviderChanges {
    /// Waits for changes of all providers, once for each provider that several minters share.
    pub(crate) fn watch<'a>(minters: impl IntoIterator<Item = &'a Arc<Minter>>) -> Self {
        let mut groups: Vec<Group> = vec![];
        for minter in minters {
            let (base, name) = (minter.base(), minter.name().clone());
            match groups.iter_mut().find(|group| Arc::ptr_eq(&group.base, base)) {
                Some(group) => group.names.push(name),
                None => groups.push(Group { base: base.clone(), names: vec![name] }),
            }
        }
        let mut changes = Self { groups, tasks: JoinSet::new(), waiting: HashMap::new() };
        for group in 0..changes.groups.len() {
            changes.groups[group].base.forget_issuer();
            changes.wait(group, Duration::ZERO);
        }
        changes
    }

    /// Returns the names of a provider whose source has changed. Its minter has dropped its credential. The future may
    /// be dropped at its await.
    pub(crate) async fn next(&mut self) -> Vec<ProviderName> {
        loop {
            let Some(joined) = self.tasks.join_next_with_id().await else { pending().await };
            let id = joined.as_ref().map_or_else(tokio::task::JoinError::id, |(id, ())| *id);
            let group = self.waiting.remove(&id).expect("every task was entered when it began");
            let provider = self.groups[group].base.name();
            match joined {
                Ok(_) => {
                    info!(%provider, "detected provider change");
                    self.groups[group].base.forget();
                    self.wait(group, REST);
                    return self.groups[group].names.clone();
                }
                Err(_) => {
                    warn!(%provider, reason = "the provider panicked", "stopped watching provider");
                }
            }
        }
    }

    fn wait(&mut self, group: usize, rest: Duration) {
        let base = self.groups[group].base.clone();
        let task = self.tasks.spawn(async move {
            sleep(rest).await;
            base.changed().await;
        });
        self.waiting.insert(task.id(), group);
    }
}
