//! Lists objects of other tools.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{ConfigMap, Secret, ServiceAccount},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Resource,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
    core::Request,
};
use regcred_core::{ErrorKind, Result};
use serde_json::Value;

use crate::{
    call::limited,
    cluster::Cluster,
    decode::{Kept, account, metadata, whole_secret},
    error::Doing,
    pages::{Answer, Asked, CRON_JOBS, at, listing, page, pages, pages_if_any},
    stream::Piece,
};

/// Lists objects in a namespace, or without one in the whole cluster.
///
/// Each object is reduced as it arrives, and a list keeps the results alone. A list that fails for a moment is retried.
#[derive(Clone, Copy, Debug)]
pub struct Objects<'a>(&'a Cluster);

impl<'a> Objects<'a> {
    /// Returns the objects of a cluster.
    pub fn of(cluster: &'a Cluster) -> Self {
        Self(cluster)
    }

    /// Lists the Secrets of a type, with their data. `reduce` gets the metadata alone of a Secret that is malformed or too large.
    pub async fn secrets<T>(
        &self,
        kind: &str,
        namespace: Option<&str>,
        reduce: impl Fn(Result<Secret, ObjectMeta>) -> Option<T>,
    ) -> Result<Vec<T>> {
        let reduce = |piece: Piece<'_>| reduce(whole_secret(piece).map_err(|it| it.into_metadata()));
        let request = |params: ListParams| at::<Secret>(namespace).list(&params.fields(&format!("type={kind}")));
        pages(&listing("secrets", namespace), |params| self.page(request(params), &reduce)).await
    }

    /// Lists the Secrets of a type, without their data.
    pub async fn secrets_metadata<T>(
        &self,
        kind: &str,
        namespace: Option<&str>,
        reduce: impl Fn(&ObjectMeta) -> Option<T>,
    ) -> Result<Vec<T>> {
        let reduce = |piece: Piece<'_>| reduce(&metadata(piece, &Kept::new()).ok()?);
        let request =
            |params: ListParams| at::<Secret>(namespace).list_metadata(&params.fields(&format!("type={kind}")));
        pages(&listing("secrets", namespace), |params| self.page(request(params), &reduce)).await
    }

    /// Lists ServiceAccounts.
    pub async fn service_accounts<T>(
        &self,
        namespace: Option<&str>,
        reduce: impl Fn(&ServiceAccount) -> Option<T>,
    ) -> Result<Vec<T>> {
        let reduce = |piece: Piece<'_>| reduce(&account(piece).ok()?);
        let request = |params: ListParams| at::<ServiceAccount>(namespace).list(&params);
        pages(&listing("serviceaccounts", namespace), |params| self.page(request(params), &reduce)).await
    }

    /// Lists CronJobs, as their metadata and the rest of the object. The list is empty if the API server has no CronJobs.
    pub async fn cron_jobs<T>(
        &self,
        namespace: Option<&str>,
        reduce: impl Fn(&ObjectMeta, &Value) -> Option<T>,
    ) -> Result<Vec<T>> {
        let reduce = |piece: Piece<'_>| dynamic(piece, &reduce);
        for version in CRON_JOBS {
            let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("batch", version, "CronJob"));
            let url = DynamicObject::url_path(&kind, namespace);
            let request = |params: ListParams| Request::new(&url).list(&params);
            let listing = listing("cronjobs", namespace);
            if let Some(jobs) = pages_if_any(&listing, |params| self.page(request(params), &reduce)).await? {
                return Ok(jobs);
            }
        }
        Ok(vec![])
    }

    /// Lists the Templates of OpenShift in a namespace, as their metadata and the rest of the object. The list is empty if the
    /// cluster is not OpenShift, or if the list is denied.
    pub async fn templates<T>(
        &self,
        namespace: &str,
        reduce: impl Fn(&ObjectMeta, &Value) -> Option<T>,
    ) -> Result<Vec<T>> {
        let reduce = |piece: Piece<'_>| dynamic(piece, &reduce);
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("template.openshift.io", "v1", "Template"));
        let url = DynamicObject::url_path(&kind, Some(namespace));
        let request = |params: ListParams| Request::new(&url).list(&params);
        let listing = listing("templates", Some(namespace));
        match pages_if_any(&listing, |params| self.page(request(params), &reduce)).await {
            Err(error) if error.kind() != ErrorKind::Denied => Err(error),
            templates => Ok(templates.ok().flatten().unwrap_or_default()),
        }
    }

    /// Reads the data of a ConfigMap; `None` if it does not exist or cannot be read.
    pub async fn config_map(&self, namespace: &str, name: &str) -> Option<BTreeMap<String, String>> {
        let doing = Doing { verb: "get", resource: "configmaps", namespace: Some(namespace), name };
        let api = Api::<ConfigMap>::namespaced(self.0.client().clone(), namespace);
        let found = limited(&doing, api.get_opt(name)).await.ok()??;
        Some(found.data.unwrap_or_default())
    }

    /// Reads one page of a list, and skips the objects that `reduce` drops.
    async fn page<T>(&self, request: Asked, reduce: impl Fn(Piece<'_>) -> Option<T>) -> Answer<T> {
        let page = page(self.0.client(), request, reduce).await?;
        Ok((page.items.into_iter().flatten().collect(), page.next))
    }
}

fn dynamic<T>(piece: Piece<'_>, reduce: impl Fn(&ObjectMeta, &Value) -> Option<T>) -> Option<T> {
    let object = serde_json::from_slice::<DynamicObject>(piece.bytes).ok()?;
    reduce(&object.metadata, &object.data)
}
