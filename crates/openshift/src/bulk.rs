//! One list instead of a thousand reads.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fmt,
    sync::Arc,
    time::Duration,
};

use k8s_openapi::{api::core::v1::ServiceAccount, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use regcred_core::{Result, Target};
use tokio::{sync::Mutex, time::Instant};

use crate::{cluster::Cluster, store::Store};

/// What is older is read anew.
const FRESH: Duration = Duration::from_mins(5);

/// What lists of a cluster returned, for however many sinks that keep Secrets there. Each target is answered from it once: a
/// second look is after something that changed.
#[derive(Clone)]
pub struct BulkReads(Arc<Inner>);

struct Inner {
    store: Store,
    secrets: Lists<ObjectMeta>,
    accounts: Lists<ServiceAccount>,
}

/// By name; `None`: we may not list, or did too long ago.
type Lists<T> = Mutex<HashMap<String, Option<Listed<T>>>>;

/// Objects of one name, by namespace.
struct Listed<T> {
    at: Instant,
    there: HashMap<String, T>,
    /// Which targets were answered.
    answered: HashSet<Target>,
}

impl BulkReads {
    /// Lists when it is first asked, where that is granted. `annotations`: every one that a sink which shares it sets beside our own; of
    /// one that is not named here a sink would find that it is not there.
    pub fn new(cluster: &Cluster, annotations: impl IntoIterator<Item = String>) -> Self {
        let store = Store::new(cluster.client().clone(), String::new()).keeping(annotations);
        Self(Arc::new(Inner { store, secrets: Mutex::default(), accounts: Mutex::default() }))
    }

    /// The metadata of a Secret, or that there is none; `None`: lists are not granted, or answered it before.
    pub(crate) async fn secret(&self, target: &Target) -> Result<Option<Option<ObjectMeta>>> {
        let (name, namespace) = (target.name.as_str(), target.namespace.as_str());
        let list = async || Ok(self.0.store.list_secret_metadata(name).await?.map(|all| by_namespace(all, |it| it)));
        // Nobody else asks for it, and it is large.
        ask(&self.0.secrets, name, target, list, |there| there.remove(namespace)).await
    }

    /// Has a target, which something has happened to since, and these ServiceAccounts of it read one by one.
    pub(crate) async fn skip(&self, target: &Target, accounts: &[String]) {
        mark(&self.0.secrets, target.name.as_str(), target).await;
        for account in accounts {
            mark(&self.0.accounts, account, target).await;
        }
    }

    /// The same as [`BulkReads::secret`] of a ServiceAccount that uses it.
    pub(crate) async fn account(&self, target: &Target, name: &str) -> Result<Option<Option<ServiceAccount>>> {
        let list = async || Ok(self.0.store.list_accounts(name).await?.map(|all| by_namespace(all, |it| &it.metadata)));
        ask(&self.0.accounts, name, target, list, |there| there.get(target.namespace.as_str()).cloned()).await
    }
}

fn by_namespace<T>(all: Vec<T>, metadata: impl Fn(&T) -> &ObjectMeta) -> HashMap<String, T> {
    all.into_iter().map(|it| (metadata(&it).namespace.clone().unwrap_or_default(), it)).collect()
}

/// As if it had been answered.
async fn mark<T>(lists: &Lists<T>, name: &str, target: &Target) {
    if let Some(Some(listed)) = lists.lock().await.get_mut(name) {
        listed.answered.insert(target.clone());
    }
}

async fn ask<T>(
    lists: &Lists<T>,
    name: &str,
    target: &Target,
    list: impl AsyncFnOnce() -> Result<Option<HashMap<String, T>>>,
    take: impl FnOnce(&mut HashMap<String, T>) -> Option<T>,
) -> Result<Option<Option<T>>> {
    let mut lists = lists.lock().await; // the first one lists, the others wait for that
    let entry = match lists.entry(name.into()) {
        Entry::Occupied(listed) => listed.into_mut(),
        Entry::Vacant(place) => {
            let there = list().await?;
            place.insert(there.map(|there| Listed { at: Instant::now(), there, answered: HashSet::new() }))
        }
    };
    if entry.as_ref().is_some_and(|listed| listed.at.elapsed() > FRESH) {
        *entry = None;
    }
    let Some(listed) = entry else { return Ok(None) };
    Ok(listed.answered.insert(target.clone()).then(|| take(&mut listed.there)))
}

impl fmt::Debug for BulkReads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkReads").finish_non_exhaustive()
    }
}
