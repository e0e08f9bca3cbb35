//! One list instead of a thousand reads.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
};

use k8s_openapi::{api::core::v1::ServiceAccount, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use regcred_core::{Result, SecretName, Target};
use tokio::sync::Mutex as AsyncMutex;

use crate::{link::Link, store::Store};

/// What lists returned. Each target is answered from it once: a second look is after something that changed.
#[derive(Debug, Default)]
pub(crate) struct Bulk {
    lists: AsyncMutex<HashMap<SecretName, Option<Arc<Lists>>>>,
    used: Mutex<HashSet<Target>>,
}

/// By namespace.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    secrets: HashMap<String, ObjectMeta>,
    accounts: HashMap<String, BTreeMap<String, ServiceAccount>>,
}

impl Bulk {
    /// The Secret's metadata and the accounts of one target; `None` if lists are not granted, or answered it before.
    pub(crate) async fn take(
        &self,
        store: &Store,
        links: &[Link],
        target: &Target,
    ) -> Result<Option<(Option<ObjectMeta>, BTreeMap<String, ServiceAccount>)>> {
        if !self.used.lock().expect("no call panics while it holds the lock").insert(target.clone()) {
            return Ok(None);
        }
        let lists = self.lists(store, links, &target.name).await?;
        Ok(lists.map(|lists| {
            let namespace = target.namespace.as_str();
            (lists.secrets.get(namespace).cloned(), lists.accounts.get(namespace).cloned().unwrap_or_default())
        }))
    }

    /// Reads them at the first call; the others wait for that.
    async fn lists(&self, store: &Store, links: &[Link], secret: &SecretName) -> Result<Option<Arc<Lists>>> {
        let mut all = self.lists.lock().await;
        if let Some(lists) = all.get(secret) {
            return Ok(lists.clone());
        }
        let lists = Lists::read(store, links, secret.as_str()).await?.map(Arc::new);
        all.insert(secret.clone(), lists.clone());
        Ok(lists)
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
}
