//! The Secrets and the running workloads of an installation of regcred.

use std::{collections::BTreeSet, fmt};

use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::api::{DynamicObject, GroupVersionKind};
use regcred_core::{Address, InstanceName, Namespace, Result, SecretName, StoreName, Target};
use serde_json::Value;

use crate::{
    cluster::Cluster,
    decode::{KeptAnnotations, metadata, readable_metadata},
    fields::value,
    pages::{CRON_JOBS, List},
    record::{self, INSTANCE, MANAGED_BY, REGCRED, TARGET},
    refusal::DOCKER_CONFIG,
    stream::Piece,
};

/// A Secret that an installation owns, or has merged logins into.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Leftover {
    /// Address of the Secret.
    pub target: Target,
    /// Whether the Secret has another owner and only some entries are regcred's.
    pub is_merged: bool,
}

/// A workload of an installation that writes Secrets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Writer {
    /// `Deployment`, `Job` or `CronJob`.
    pub kind: &'static str,
    /// Namespace of the workload.
    pub namespace: String,
    /// Name of the workload.
    pub name: String,
}

impl Writer {
    /// Returns the command that stops it.
    pub fn stop_command(&self) -> String {
        let Self { kind, namespace, name } = self;
        match *kind {
            "Deployment" => format!("kubectl scale deployment/{name} --namespace={namespace} --replicas=0"),
            "CronJob" => {
                format!(
                    "kubectl patch cronjob/{name} --namespace={namespace} --patch='{{\"spec\":{{\"suspend\":true}}}}'"
                )
            }
            _ => format!("kubectl delete {}/{name} --namespace={namespace}", kind.to_lowercase()),
        }
    }
}

/// Formats the workload as kubectl does: `deployment regcred/regcred`.
impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind.to_lowercase(), self.namespace, self.name)
    }
}

/// Lists every Secret of an installation by its metadata only, in these namespaces or, without any, in the whole
/// cluster. Needs the right to list Secrets there. `store`: the store of the addresses.
pub async fn leftovers(
    cluster: &Cluster,
    store: &StoreName,
    instance: &InstanceName,
    namespaces: &[Namespace],
) -> Result<Vec<Leftover>> {
    let mut found = BTreeSet::new();
    for scope in scopes(namespaces) {
        let owned = secrets(cluster, scope).labels(&format!("{MANAGED_BY}={REGCRED},{INSTANCE}={instance}"));
        for list in [owned, secrets(cluster, scope).fields(&format!("type={DOCKER_CONFIG}"))] {
            found.extend(read(&list, |metadata| left(metadata, store, instance.as_str())).await?);
        }
    }
    Ok(found.into_iter().collect())
}

/// Lists the Secrets of these names of an installation in the whole cluster. Needs the right to list these names.
pub async fn leftovers_named(
    cluster: &Cluster,
    store: &StoreName,
    instance: &InstanceName,
    names: impl IntoIterator<Item = &SecretName>,
) -> Result<Vec<Leftover>> {
    let mut found = vec![];
    for name in names {
        let list = secrets(cluster, None).fields(&format!("metadata.name={name}"));
        found.extend(read(&list, |metadata| left(metadata, store, instance.as_str())).await?);
    }
    Ok(found)
}

/// Lists the installations that own Secrets in these namespaces or, without any, in the whole cluster. Needs the right to list Secrets
/// there.
pub async fn instances(cluster: &Cluster, namespaces: &[Namespace]) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for scope in scopes(namespaces) {
        let label = |metadata: &ObjectMeta| value(metadata.labels.as_ref(), INSTANCE).map(str::to_owned);
        found.extend(read(&secrets(cluster, scope).labels(&format!("{MANAGED_BY}={REGCRED}")), label).await?);
    }
    Ok(found)
}

fn secrets<'a>(cluster: &'a Cluster, scope: Option<&'a str>) -> List<'a> {
    List::of::<Secret>(cluster.client(), "secrets", scope).metadata()
}

async fn read<T>(list: &List<'_>, read: impl Fn(&ObjectMeta) -> Option<T>) -> Result<Vec<T>> {
    list.all_retried(|piece| read(&metadata(piece, &KeptAnnotations::new()).unwrap_or_else(|it| it.metadata))).await
}

/// Lists the workloads of an installation that write Secrets: Deployments that are not scaled to zero, CronJobs that
/// are not suspended, and running Jobs. Needs the right to list all three.
pub async fn writers(cluster: &Cluster, instance: &InstanceName) -> Result<Vec<Writer>> {
    let list = async |group, version, kind: &'static str, resource, writes: fn(&Value) -> bool| {
        let list = List::of_kind(cluster.client(), &GroupVersionKind::gvk(group, version, kind), resource, None);
        let read = |piece: Piece<'_>| {
            // An object that cannot be decoded counts as a writer.
            let metadata = match serde_json::from_slice::<DynamicObject>(piece.bytes) {
                Ok(object) => writes(&object.data).then_some(object.metadata)?,
                Err(_) => readable_metadata(piece),
            };
            let (namespace, name) = (metadata.namespace.unwrap_or_default(), metadata.name.unwrap_or_default());
            Some(Writer { kind, namespace, name })
        };
        list.labels(&format!("{INSTANCE}={instance}")).all_if_served(read).await
    };
    let is_up = |it: &Value| it["spec"]["replicas"] != 0;
    let mut running = list("apps", "v1", "Deployment", "deployments", is_up).await?.unwrap_or_default();
    let is_active = |it: &Value| it["status"]["active"].as_u64().is_some_and(|count| count > 0);
    running.extend(list("batch", "v1", "Job", "jobs", is_active).await?.unwrap_or_default());
    for version in CRON_JOBS {
        if let Some(jobs) = list("batch", version, "CronJob", "cronjobs", |it| it["spec"]["suspend"] != true).await? {
            running.extend(jobs);
            break;
        }
    }
    Ok(running)
}

/// Returns the namespaces to list. `None`: the whole cluster.
fn scopes(namespaces: &[Namespace]) -> Vec<Option<&str>> {
    if namespaces.is_empty() { vec![None] } else { namespaces.iter().map(|it| Some(it.as_str())).collect() }
}

/// Returns the Secret if it belongs to an installation. A copy does not, because its annotation names the original.
fn left(metadata: &ObjectMeta, store: &StoreName, instance: &str) -> Option<Leftover> {
    let namespace = Namespace::new(metadata.namespace.as_deref()?).ok()?;
    let name = SecretName::new(metadata.name.as_deref()?).ok()?;
    let label = |name| value(metadata.labels.as_ref(), name);
    let own = format!("{namespace}/{name}");
    let is_ours = label(MANAGED_BY) == Some(REGCRED)
        && label(INSTANCE) == Some(instance)
        && value(metadata.annotations.as_ref(), TARGET) == Some(own.as_str());
    let is_merged = !is_ours && value(metadata.annotations.as_ref(), &record::merged(instance)).is_some();
    let target = Target::new(store.clone(), Address::secret(namespace, name));
    (is_ours || is_merged).then_some(Leftover { target, is_merged })
}
