//! The lists of one cluster, which all of its sinks share.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex as Lock, MutexGuard},
};

use k8s_openapi::{api::core::v1::ServiceAccount, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use regcred_core::{Namespace, Result, SecretName, Target};
use tokio::{sync::Mutex, time::Instant};

use super::listed::{FRESH, Listed};
use crate::{
    cluster::Cluster,
    decode::{KeptAnnotations, ListItem, account, metadata},
    pages::List,
    store::Store,
    stream::Piece,
};

/// The cache of one cluster, which its sinks and its watches share.
///
/// If RBAC allows lists, a few lists replace a thousand reads of Secrets of the same names.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    store: Store,
    /// Names of the Secrets that are read in lists.
    listed: BTreeSet<SecretName>,
    secrets: Lists<ObjectMeta>,
    accounts: Lists<ServiceAccount>,
    /// Time of the latest change of a target. An older list does not answer for it.
    touched: Lock<HashMap<Target, Instant>>,
}

/// The lists, by the name of the listed objects and of the Secret that they are read for.
struct Lists<T>(Lock<HashMap<(String, String), Shared<T>>>);

/// A list that one caller reads while the others wait for it.
type Shared<T> = Arc<Mutex<Listed<T>>>;

impl Cache {
    /// Creates a cache.
    ///
    /// `annotations`: every annotation that a sink of the cluster sets, in addition to regcred's own. All others count
    /// as absent. `listed`: the names of the Secrets that are read by lists, with their ServiceAccounts. From a handful
    /// of targets on, lists are cheaper.
    pub fn new(
        cluster: &Cluster,
        annotations: impl IntoIterator<Item = String>,
        listed: impl IntoIterator<Item = SecretName>,
    ) -> Self {
        let store = Store::new(cluster, annotations);
        let (secrets, accounts) = (Lists(Lock::default()), Lists(Lock::default()));
        let listed = listed.into_iter().collect();
        Self(Arc::new(Inner { store, listed, secrets, accounts, touched: Lock::default() }))
    }

    pub(crate) fn kept(&self) -> &Arc<KeptAnnotations> {
        self.0.store.kept()
    }

    /// Returns the metadata of a Secret, or that it does not exist. `None`: no list has the answer.
    pub(super) async fn secret(&self, target: &Target) -> Result<Option<Option<ObjectMeta>>> {
        let Inner { store, secrets, .. } = &*self.0;
        let read = |piece: Piece<'_>| ListItem::read(piece, |piece| metadata(piece, store.kept()), |it| it);
        self.ask(secrets, target, target.name(), &store.secrets_named(target.name()), read).await
    }

    /// Returns a ServiceAccount that uses the Secret of a target, or that it does not exist. `None`: no list has the
    /// answer.
    pub(super) async fn account(&self, target: &Target, name: &str) -> Result<Option<Option<ServiceAccount>>> {
        let Inner { store, accounts, .. } = &*self.0;
        let read = |piece: Piece<'_>| ListItem::read(piece, account, |it| &it.metadata);
        self.ask(accounts, target, name, &store.accounts_named(name), read).await
    }

    async fn ask<T>(
        &self,
        lists: &Lists<T>,
        target: &Target,
        name: &str,
        list: &List<'_>,
        read: impl Fn(Piece<'_>) -> ListItem<T> + Sync,
    ) -> Result<Option<Option<T>>> {
        if !self.0.listed.contains(target.name()) {
            return Ok(None);
        }
        let key = (name.to_owned(), target.name().to_owned());
        let listed = lock(&lists.0).entry(key).or_default().clone();
        let mut listed = listed.lock_owned().await;
        let touched = lock(&self.0.touched).get(target).copied();
        let read = &read;
        let page = |limit, next: Option<String>| async move {
            if next.is_none() {
                list.check().await?;
            }
            list.page(limit, next, read).await
        };
        listed.ask(&Namespace::new(target.group())?, touched, page).await
    }

    /// Records a change of a target. Older lists no longer answer for it.
    pub(crate) fn touch(&self, target: &Target) {
        if self.0.listed.contains(target.name()) {
            let mut touched = lock(&self.0.touched);
            if touched.len().is_power_of_two() {
                forget_old(&mut touched); // not at each call, because it visits all targets
            }
            touched.insert(target.clone(), Instant::now());
        }
    }

    /// Drops all lists, because changes may have been missed.
    pub(crate) fn reset(&self) {
        lock(&self.0.secrets.0).clear();
        lock(&self.0.accounts.0).clear();
    }

    /// Drops the objects of lists without recent calls.
    pub(crate) async fn tidy(&self) {
        forget_old(&mut lock(&self.0.touched));
        self.0.secrets.tidy().await;
        self.0.accounts.tidy().await;
    }
}

impl<T> Lists<T> {
    async fn tidy(&self) {
        let all = lock(&self.0).values().cloned().collect::<Vec<_>>();
        for listed in all {
            listed.lock().await.tidy();
        }
    }
}

/// Drops times that are older than any list.
fn forget_old(touched: &mut HashMap<Target, Instant>) {
    touched.retain(|_, at| at.elapsed() <= FRESH);
    touched.shrink_to_fit();
}

fn lock<T>(shared: &Lock<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("no call panics while it holds the lock")
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("listed", &self.0.listed).finish_non_exhaustive()
    }
}
