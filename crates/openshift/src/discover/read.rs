//! The lists of what is looked for. What arrives is reduced at once.

use std::collections::HashSet;

use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{Secret, ServiceAccount},
};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
};
use regcred_core::{Error, ErrorKind, Namespace, Result};

use super::{
    Address, Job, Keys, Vendor,
    account::Account,
    job, keys,
    pull_secret::{self, DOCKER_CFG, Reduced},
};
use crate::{
    pages::{CRON_JOBS, listing, pages, pages_if_any},
    refusal::DOCKER_CONFIG,
};

/// Where OpenShift has the template of new projects.
const TEMPLATES: &str = "openshift-config";
/// What a Secret is that says no type.
const OPAQUE: &str = "Opaque";

/// Where nothing could be listed, and why.
pub(super) type Unlisted = (Option<String>, Error);
/// What was read, unless nothing could be, and what could not.
type Read<T> = (Option<Vec<T>>, Vec<Unlisted>);

/// Reads in the whole cluster, or in some namespaces of it.
pub(super) struct Reader {
    client: Client,
    /// `None`: the whole cluster.
    scopes: Vec<Option<String>>,
}

impl Reader {
    pub(super) fn new(client: Client, namespaces: &[Namespace]) -> Self {
        let mut scopes = namespaces.iter().map(|it| Some(it.to_string())).collect::<Vec<_>>();
        if scopes.is_empty() {
            scopes.push(None);
        }
        scopes.sort();
        scopes.dedup();
        Self { client, scopes }
    }

    pub(super) async fn pull_secrets(&self, vendor: &Vendor) -> Read<Reduced> {
        let read = async |scope: Option<&str>| {
            let api = &self.api::<Secret>(scope);
            let mut all = vec![];
            for kind in [DOCKER_CONFIG, DOCKER_CFG] {
                let page = |params: ListParams| async move {
                    let page = api.list(&params.fields(&format!("type={kind}"))).await?;
                    let reduced = page.items.into_iter().filter_map(|it| pull_secret::reduce(it, vendor));
                    Ok((reduced.collect(), page.metadata.continue_))
                };
                all.extend(pages(&listing("secrets", scope), page).await?);
            }
            Ok(all)
        };
        self.everywhere(read).await
    }

    /// In namespaces with Secrets that were found, and of those alone.
    pub(super) async fn accounts(&self, used: &HashSet<Address>) -> Read<Account> {
        let namespaces = &used.iter().map(|it| it.namespace.as_str()).collect::<HashSet<_>>();
        let read = async |scope: Option<&str>| {
            let api = &self.api::<ServiceAccount>(scope);
            let page = |params: ListParams| async move {
                let page = api.list(&params).await?;
                let reduced = page.items.iter().filter_map(|it| Account::reduce(it, namespaces, used));
                Ok((reduced.collect(), page.metadata.continue_))
            };
            pages(&listing("serviceaccounts", scope), page).await
        };
        self.everywhere(read).await
    }

    /// Of an API server that has no `CronJobs`, none.
    pub(super) async fn jobs(&self) -> Read<Job> {
        let read = async |scope: Option<&str>| {
            for version in CRON_JOBS {
                let api = &self.cron_jobs(scope, version);
                let page = |params: ListParams| async move {
                    let page = api.list(&params).await?;
                    Ok((page.items.iter().filter_map(job::reduce).collect(), page.metadata.continue_))
                };
                if let Some(jobs) = pages_if_any(&listing("cronjobs", scope), page).await? {
                    return Ok(jobs);
                }
            }
            Ok(vec![])
        };
        self.everywhere(read).await
    }

    /// Only where the whole cluster is looked through; none on what is no OpenShift, and none where that may not be seen.
    pub(super) async fn templates(&self) -> Read<Address> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("template.openshift.io", "v1", "Template"));
        let api = &Api::<DynamicObject>::namespaced_with(self.client.clone(), TEMPLATES, &kind);
        let read = async |scope: Option<&str>| {
            if scope.is_some() {
                return Ok(vec![]);
            }
            let page = |params: ListParams| async move {
                let page = api.list(&params).await?;
                Ok((page.items.iter().filter_map(job::in_template).collect(), page.metadata.continue_))
            };
            match pages_if_any(&listing("templates", Some(TEMPLATES)), page).await {
                Err(error) if error.kind() != ErrorKind::Denied => Err(error),
                templates => Ok(templates.ok().flatten().unwrap_or_default()),
            }
        };
        self.everywhere(read).await
    }

    /// By metadata alone: who has written which value of a Secret is noted there, and so is the value's name.
    pub(super) async fn keys(&self) -> Read<Keys> {
        let read = async |scope: Option<&str>| {
            let api = &self.api::<Secret>(scope);
            let page = |params: ListParams| async move {
                let page = api.list_metadata(&params.fields(&format!("type={OPAQUE}"))).await?;
                let reduced = page.items.iter().filter_map(|it| keys::reduce(&it.metadata));
                Ok((reduced.collect(), page.metadata.continue_))
            };
            pages(&listing("secrets", scope), page).await
        };
        self.everywhere(read).await
    }

    /// What stops one namespace stops no other.
    async fn everywhere<T>(&self, read: impl AsyncFn(Option<&str>) -> Result<Vec<T>>) -> Read<T> {
        let (mut all, mut failed) = (None, vec![]);
        for scope in &self.scopes {
            match read(scope.as_deref()).await {
                Ok(items) => all.get_or_insert_with(Vec::new).extend(items),
                Err(error) => failed.push((scope.clone(), error)),
            }
        }
        (all, failed)
    }

    fn api<K>(&self, scope: Option<&str>) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match scope {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    fn cron_jobs(&self, scope: Option<&str>, version: &str) -> Api<DynamicObject> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("batch", version, "CronJob"));
        match scope {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &kind),
            None => Api::all_with(self.client.clone(), &kind),
        }
    }
}
