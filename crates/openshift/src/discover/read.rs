//! The lists of what is looked for. What arrives is reduced at once.

use std::collections::HashSet;

use k8s_openapi::api::core::v1::{ConfigMap, Secret, ServiceAccount};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
    core::Request,
};
use regcred_core::{Error, ErrorKind, Namespace, Result};

use super::{
    Address, Job, Keys, Vendor,
    account::Account,
    job::{self, Candidate},
    keys,
    pull_secret::{self, DOCKER_CFG, Reduced},
};
use crate::{
    decode::{Kept, account, metadata, whole_secret},
    error::Doing,
    pages::{Answer, Asked, CRON_JOBS, at, listing, page, pages, pages_if_any},
    refusal::DOCKER_CONFIG,
    store::limited,
    stream::Piece,
};

/// Where OpenShift has the template of new projects.
const TEMPLATES: &str = "openshift-config";
/// So many ConfigMaps are read at the most, one after the other.
const SCRIPTS: usize = 200;
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
            let mut all = vec![];
            for kind in [DOCKER_CONFIG, DOCKER_CFG] {
                let page = |params: ListParams| async move {
                    let request = at::<Secret>(scope).list(&params.fields(&format!("type={kind}")));
                    let reduce = |piece: Piece<'_>| match whole_secret(piece) {
                        Ok(secret) => pull_secret::reduce(secret, vendor),
                        Err(it) => Some(Reduced::Unreadable(Address::of(&it.into_metadata()))),
                    };
                    self.page(request, reduce).await
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
            let page = |params: ListParams| async move {
                let request = at::<ServiceAccount>(scope).list(&params);
                self.page(request, |piece| Account::reduce(&account(piece).ok()?, namespaces, used)).await
            };
            pages(&listing("serviceaccounts", scope), page).await
        };
        self.everywhere(read).await
    }

    /// Of an API server that has no `CronJobs`, none.
    pub(super) async fn jobs(&self) -> Read<Candidate> {
        let read = async |scope: Option<&str>| {
            for version in CRON_JOBS {
                let kind = &ApiResource::from_gvk(&GroupVersionKind::gvk("batch", version, "CronJob"));
                let page = |params: ListParams| async move {
                    let request = Request::new(DynamicObject::url_path(kind, scope)).list(&params);
                    self.page(request, |piece| Candidate::reduce(&serde_json::from_slice(piece.bytes).ok()?)).await
                };
                if let Some(jobs) = pages_if_any(&listing("cronjobs", scope), page).await? {
                    return Ok(jobs);
                }
            }
            Ok(vec![])
        };
        self.everywhere(read).await
    }

    /// Which of these jobs write pull secrets. Scripts in ConfigMaps are read where logins are: one that may not be read, or is not
    /// there, says nothing.
    pub(super) async fn writers(&self, candidates: Vec<Candidate>, namespaces: &HashSet<String>) -> Vec<Job> {
        let (mut jobs, mut left) = (vec![], SCRIPTS);
        for mut candidate in candidates {
            let scripts = std::mem::take(&mut candidate.scripts);
            let namespace = candidate.namespace().to_owned();
            for name in scripts.iter().filter(|_| namespaces.contains(&namespace)) {
                if left == 0 {
                    break;
                }
                left -= 1;
                if let Some(text) = self.script(&namespace, name).await {
                    candidate = candidate.with(&text);
                }
            }
            jobs.extend(candidate.into_job());
        }
        jobs
    }

    async fn script(&self, namespace: &str, name: &str) -> Option<String> {
        let doing = Doing { verb: "get", resource: "configmaps", namespace: Some(namespace), name };
        let api = Api::<ConfigMap>::namespaced(self.client.clone(), namespace);
        let found = limited(&doing, api.get_opt(name)).await.ok()??;
        Some(found.data.unwrap_or_default().into_values().collect::<Vec<_>>().join("\n"))
    }

    /// Only where the whole cluster is looked through; none on what is no OpenShift, and none where that may not be seen.
    pub(super) async fn templates(&self) -> Read<Address> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("template.openshift.io", "v1", "Template"));
        let url = &DynamicObject::url_path(&kind, Some(TEMPLATES));
        let read = async |scope: Option<&str>| {
            if scope.is_some() {
                return Ok(vec![]);
            }
            let page = |params: ListParams| async move {
                let request = Request::new(url).list(&params);
                self.page(request, |piece| job::in_template(&serde_json::from_slice(piece.bytes).ok()?)).await
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
            let page = |params: ListParams| async move {
                let request = at::<Secret>(scope).list_metadata(&params.fields(&format!("type={OPAQUE}")));
                self.page(request, |piece| keys::reduce(&metadata(piece, &Kept::new()).ok()?)).await
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

    /// One page of a list, of which what cannot be read is passed over.
    async fn page<T>(&self, request: Asked, reduce: impl Fn(Piece<'_>) -> Option<T>) -> Answer<T> {
        let page = page(&self.client, request, reduce).await?;
        Ok((page.items.into_iter().flatten().collect(), page.next))
    }
}
