//! What an installation of regcred has left in a cluster, and whether it still runs.

use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
};
use regcred_core::{InstanceName, Namespace, Result, StoreName, Target};

use crate::{
    cluster::Cluster,
    metadata::value,
    pages::{CRON_JOBS, listing, pages, pages_if_any},
    record::{self, INSTANCE, MANAGED_BY, REGCRED, TARGET},
    refusal::DOCKER_CONFIG,
};

/// A Secret that an installation keeps, or has put logins into.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leftover {
    /// Where it is.
    pub target: Target,
    /// Whether it stays somebody else's, and only entries of it are ours.
    pub is_merged: bool,
}

impl Cluster {
    /// Every Secret of an installation, by its metadata alone: in these namespaces or, without any, in the whole cluster. Takes the
    /// right to list Secrets there. `store`: what the addresses are to say.
    pub async fn leftovers(
        &self,
        store: &StoreName,
        instance: &InstanceName,
        namespaces: &[Namespace],
    ) -> Result<Vec<Leftover>> {
        let scopes = namespaces.iter().map(|it| Some(it.as_str())).collect::<Vec<_>>();
        let scopes = if scopes.is_empty() { vec![None] } else { scopes };
        let mut found = vec![];
        for scope in scopes {
            let client = self.client().clone();
            let api =
                &scope.map_or_else(|| Api::<Secret>::all(client.clone()), |it| Api::namespaced(client.clone(), it));
            let own = format!("{MANAGED_BY}={REGCRED},{INSTANCE}={instance}");
            let list = async |of: ListParams, keep: &dyn Fn(&ObjectMeta) -> bool| {
                let of = &of;
                let page = |params: ListParams| async move {
                    let params = ListParams {
                        label_selector: of.label_selector.clone(),
                        field_selector: of.field_selector.clone(),
                        ..params
                    };
                    let page = api.list_metadata(&params).await?;
                    let kept = page.items.into_iter().map(|it| it.metadata).filter(keep);
                    Ok((kept.filter_map(|it| target(&it, store)).collect(), page.metadata.continue_))
                };
                pages::<Target, _>(&listing("secrets", scope), page).await
            };
            let copy = |it: &ObjectMeta| {
                let own = format!(
                    "{}/{}",
                    it.namespace.as_deref().unwrap_or_default(),
                    it.name.as_deref().unwrap_or_default()
                );
                value(it.annotations.as_ref(), TARGET) != Some(own.as_str())
            };
            let ours = list(ListParams::default().labels(&own), &|it| !copy(it)).await?;
            found.extend(ours.into_iter().map(|target| Leftover { target, is_merged: false }));
            let annotation = record::merged(instance.as_str());
            let is_merged = |it: &ObjectMeta| value(it.annotations.as_ref(), &annotation).is_some();
            let theirs = list(ListParams::default().fields(&format!("type={DOCKER_CONFIG}")), &is_merged).await?;
            found.extend(theirs.into_iter().map(|target| Leftover { target, is_merged: true }));
        }
        found.sort();
        Ok(found)
    }

    /// The workloads of an installation that write, as `kind namespace/name`: Deployments that are not scaled to nothing, and CronJobs
    /// that are not suspended. Takes the right to list both.
    pub async fn writers(&self, instance: &InstanceName) -> Result<Vec<String>> {
        let mut running = vec![];
        let select = format!("{INSTANCE}={instance}");
        let list = async |group: &str,
                          version: &str,
                          kind: &str,
                          resource: &'static str,
                          writes: fn(&DynamicObject) -> bool| {
            let api = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
            let (api, select) = (&Api::<DynamicObject>::all_with(self.client().clone(), &api), &select);
            let page = |params: ListParams| async move {
                let page = api.list(&params.labels(select)).await?;
                let writing = page.items.into_iter().filter(writes);
                let named = writing.map(|it| {
                    let (namespace, name) =
                        (it.metadata.namespace.unwrap_or_default(), it.metadata.name.unwrap_or_default());
                    format!("{} {namespace}/{name}", kind.to_lowercase())
                });
                Ok((named.collect(), page.metadata.continue_))
            };
            pages_if_any::<String, _>(&listing(resource, None), page).await
        };
        let is_up = |it: &DynamicObject| it.data["spec"]["replicas"] != 0;
        running.extend(list("apps", "v1", "Deployment", "deployments", is_up).await?.unwrap_or_default());
        for version in CRON_JOBS {
            let is_on = |it: &DynamicObject| it.data["spec"]["suspend"] != true;
            if let Some(jobs) = list("batch", version, "CronJob", "cronjobs", is_on).await? {
                running.extend(jobs);
                break;
            }
        }
        Ok(running)
    }
}

fn target(metadata: &ObjectMeta, store: &StoreName) -> Option<Target> {
    let namespace = Namespace::new(metadata.namespace.as_deref()?).ok()?;
    let name = regcred_core::SecretName::new(metadata.name.as_deref()?).ok()?;
    Some(Target { store: store.clone(), namespace, name })
}
