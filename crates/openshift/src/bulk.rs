//! One list instead of a thousand reads.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

use k8s_openapi::{api::core::v1::ServiceAccount, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use regcred_core::{Result, SecretName, Target};
use tokio::sync::Mutex as AsyncMutex;

use crate::{link::Link, look::Accounts, store::Store};

/// What lists returned. Each target is answered from it once: a second look is after something that changed.
#[derive(Debug, Default)]
pub(crate) struct Bulk {
    /// By Secret name; `None`: we may not list.
    lists: AsyncMutex<HashMap<SecretName, Option<Lists>>>,
    used: Mutex<HashSet<Target>>,
}

/// By namespace, and for accounts by name too. What was used is gone.
#[derive(Debug, Default)]
struct Lists {
    secrets: HashMap<String, ObjectMeta>,
    accounts: HashMap<String, HashMap<String, ServiceAccount>>,
}

impl Bulk {
    /// The Secret's metadata and the accounts of one target; `None` if lists are not granted, or answered it before.
    pub(crate) async fn take(
        &self,
        store: &Store,
        links: &[Link],
        target: &Target,
    ) -> Result<Option<(Option<ObjectMeta>, Accounts)>> {
        if self.used.lock().expect("no call panics while it holds the lock").contains(target) {
            return Ok(None);
        }
        let mut all = self.lists.lock().await; // the first one lists, the others wait for that
        if !all.contains_key(&target.name) {
            let lists = Lists::read(store, links, target.name.as_str()).await?;
            all.insert(target.name.clone(), lists);
        }
        self.used.lock().expect("no call panics while it holds the lock").insert(target.clone());
        Ok(all.get_mut(&target.name).and_then(Option::as_mut).map(|lists| lists.take(links, target.namespace.as_str())))
    }
}

impl Lists {
    async fn read(store: &Store, links: &[Link], secret: &str) -> Result<Option<Self>> {
        let Some(secrets) = store.list_secret_metadata(secret).await? else { return Ok(None) };
        let mut lists = Self::default();
        for metadata in secrets {
            lists.secrets.insert(metadata.namespace.clone().unwrap_or_default(), metadata);
        }
        for link in links {
            let Some(accounts) = store.list_accounts(link.account()).await? else { return Ok(None) };
            for account in accounts {
                let namespace = account.metadata.namespace.clone().unwrap_or_default();
                lists.accounts.entry(namespace).or_default().insert(link.account().into(), account);
            }
        }
        Ok(Some(lists))
    }

    fn take(&mut self, links: &[Link], namespace: &str) -> (Option<ObjectMeta>, Accounts) {
        let mut accounts = self.accounts.remove(namespace).unwrap_or_default();
        let accounts = links.iter().map(|link| (link.account().to_owned(), Ok(accounts.remove(link.account()))));
        (self.secrets.remove(namespace), accounts.collect())
    }
}
