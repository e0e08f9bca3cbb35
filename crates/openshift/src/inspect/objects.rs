//! Lists objects of other tools.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{ConfigMap, Secret, ServiceAccount},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api,
    api::{DynamicObject, GroupVersionKind},
};
use regcred_core::{ErrorKind, Result};
use serde_json::Value;

use crate::{
    call::translated,
    cluster::Cluster,
    decode::{KeptAnnotations, account, metadata, whole_secret},
    error::RequestContext,
    pages::{CRON_JOBS, List},
    stream::Piece,
};

/// Lists objects in a namespace or, without one, in the whole cluster.
///
/// Each object is reduced as it arrives, and a list keeps only the results. A list is retried after a short failure.
#[derive(Clone, Copy, Debug)]
pub struct Objects<'a>(&'a Cluster);

impl<'a> Objects<'a> {
    /// Returns the objects of a cluster.
    pub fn of(cluster: &'a Cluster) -> Self {
        Self(cluster)
    }

    /// Lists the Secrets of a type, with their data. `reduce` gets only the metadata of a Secret that is malformed or
    /// too large.
    pub async fn secrets<T>(
        &self,
        kind: &str,
        namespace: Option<&str>,
        reduce: impl Fn(Result<Secret, ObjectMeta>) -> Option<T>,
    ) -> Result<Vec<T>> {
        let list = List::of::<Secret>(self.0.client(), "secrets", namespace).fields(&format!("type={kind}"));
        list.all_retried(|piece| reduce(whole_secret(piece, &KeptAnnotations::new()).map_err(|it| it.metadata))).await
    }

    /// Lists the Secrets of a type, without their data.
    pub async fn secrets_metadata<T>(
        &self,
        kind: &str,
        namespace: Option<&str>,
        reduce: impl Fn(&ObjectMeta) -> Option<T>,
    ) -> Result<Vec<T>> {
        let list = List::of::<Secret>(self.0.client(), "secrets", namespace).fields(&format!("type={kind}"));
        list.metadata().all_retried(|piece| reduce(&metadata(piece, &KeptAnnotations::new()).ok()?)).await
    }

    /// Lists ServiceAccounts.
    pub async fn service_accounts<T>(
        &self,
        namespace: Option<&str>,
        reduce: impl Fn(&ServiceAccount) -> Option<T>,
    ) -> Result<Vec<T>> {
        let list = List::of::<ServiceAccount>(self.0.client(), "serviceaccounts", namespace);
        list.all_retried(|piece| reduce(&account(piece).ok()?)).await
    }

    /// Lists CronJobs, as their metadata and the rest of the object. The list is empty if the API server has no CronJobs.
    pub async fn cron_jobs<T>(
        &self,
        namespace: Option<&str>,
        reduce: impl Fn(&ObjectMeta, &Value) -> Option<T>,
    ) -> Result<Vec<T>> {
        for version in CRON_JOBS {
            let kind = GroupVersionKind::gvk("batch", version, "CronJob");
            let list = List::of_kind(self.0.client(), &kind, "cronjobs", namespace);
            if let Some(jobs) = list.all_if_served(|piece| dynamic(piece, &reduce)).await? {
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
        let kind = GroupVersionKind::gvk("template.openshift.io", "v1", "Template");
        let list = List::of_kind(self.0.client(), &kind, "templates", Some(namespace));
        match list.all_if_served(|piece| dynamic(piece, &reduce)).await {
            Err(error) if error.kind() != ErrorKind::Denied => Err(error),
            templates => Ok(templates.ok().flatten().unwrap_or_default()),
        }
    }

    /// Reads the data of a ConfigMap. Returns `None` if it does not exist or cannot be read.
    pub async fn config_map(&self, namespace: &str, name: &str) -> Option<BTreeMap<String, String>> {
        let context = RequestContext { verb: "get", resource: "configmaps", namespace: Some(namespace), name };
        let api = Api::<ConfigMap>::namespaced(self.0.client().clone(), namespace);
        let found = translated(&context, api.get_opt(name)).await.ok()??;
        Some(found.data.unwrap_or_default())
    }
}

fn dynamic<T>(piece: Piece<'_>, reduce: impl Fn(&ObjectMeta, &Value) -> Option<T>) -> Option<T> {
    let object = serde_json::from_slice::<DynamicObject>(piece.bytes).ok()?;
    reduce(&object.metadata, &object.data)
}
