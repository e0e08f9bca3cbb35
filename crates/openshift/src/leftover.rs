//! What an installation of regcred has left in a cluster, and whether it still runs.

use std::{collections::BTreeSet, fmt};

use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::api::{DynamicObject, GroupVersionKind};
use regcred_core::{Address, InstanceName, Namespace, Result, SecretName, StoreName, Target};

use crate::{
    cluster::Cluster,
    decode::{Kept, bare_metadata, metadata},
    fields::value,
    pages::{CRON_JOBS, List},
    record::{self, INSTANCE, MANAGED_BY, REGCRED, TARGET},
    refusal::DOCKER_CONFIG,
    stream::Piece,
};

/// A Secret that an installation keeps, or has put logins into.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Leftover {
    /// Where it is.
    pub target: Target,
    /// Whether it stays somebody else's, and only entries of it are ours.
    pub is_merged: bool,
}

/// A workload of an installation that writes Secrets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Writer {
    /// `Deployment`, `Job` or `CronJob`.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Writer {
    /// The command that stops it.
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

/// As kubectl names it: `deployment regcred/regcred`.
impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind.to_lowercase(), self.namespace, self.name)
    }
}

/// Every Secret of an installation, by its metadata alone: in these namespaces or, without any, in the whole cluster. Takes the
/// right to list Secrets there. `store`: what the addresses are to say.
pub async fn leftovers(
    cluster: &Cluster,
    store: &StoreName,
    instance: &InstanceName,
    namespaces: &[Namespace],
) -> Result<Vec<Leftover>> {
    let own = Selector::Labels(format!("{MANAGED_BY}={REGCRED},{INSTANCE}={instance}"));
    let theirs = Selector::Fields(format!("type={DOCKER_CONFIG}"));
    let mut found = vec![];
    for scope in scopes(namespaces) {
        for of in [&own, &theirs] {
            found.extend(of_instance(cluster, store, instance, scope, of).await?);
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The same of Secrets of these names in the whole cluster. Takes the right to list these names alone.
pub async fn leftovers_named(
    cluster: &Cluster,
    store: &StoreName,
    instance: &InstanceName,
    names: impl IntoIterator<Item = &SecretName>,
) -> Result<Vec<Leftover>> {
    let mut found = vec![];
    for name in names {
        let of = Selector::Fields(format!("metadata.name={name}"));
        found.extend(of_instance(cluster, store, instance, None, &of).await?);
    }
    Ok(found)
}

/// The installations that have Secrets of their own in these namespaces or, without any, in the whole cluster. Takes the right to
/// list Secrets there.
pub async fn instances(cluster: &Cluster, namespaces: &[Namespace]) -> Result<BTreeSet<String>> {
    let own = Selector::Labels(format!("{MANAGED_BY}={REGCRED}"));
    let mut found = BTreeSet::new();
    for scope in scopes(namespaces) {
        let label = |metadata: &ObjectMeta| value(metadata.labels.as_ref(), INSTANCE).map(str::to_owned);
        found.extend(secrets(cluster, scope, &own, label).await?);
    }
    Ok(found)
}

/// Which Secrets are listed.
enum Selector {
    Labels(String),
    Fields(String),
}

async fn of_instance(
    cluster: &Cluster,
    store: &StoreName,
    instance: &InstanceName,
    scope: Option<&str>,
    of: &Selector,
) -> Result<Vec<Leftover>> {
    secrets(cluster, scope, of, |metadata| left(metadata, store, instance.as_str())).await
}

/// What is read from the metadata of each Secret of a list.
async fn secrets<T>(
    cluster: &Cluster,
    scope: Option<&str>,
    of: &Selector,
    read: impl Fn(&ObjectMeta) -> Option<T>,
) -> Result<Vec<T>> {
    let list = List::of::<Secret>(cluster.client(), "secrets", scope).metadata();
    let list = match of {
        Selector::Labels(labels) => list.labels(labels),
        Selector::Fields(fields) => list.fields(fields),
    };
    list.all_retried(|piece| read(&metadata(piece, &Kept::new()).unwrap_or_else(|it| it.into_metadata()))).await
}

/// The workloads of an installation that write: Deployments that are not scaled to zero, CronJobs that are not suspended, and Jobs
/// that run. Takes the right to list all three.
pub async fn writers(cluster: &Cluster, instance: &InstanceName) -> Result<Vec<Writer>> {
    let select = format!("{INSTANCE}={instance}");
    let list = async |group: &str,
                      version: &str,
                      kind: &'static str,
                      resource: &'static str,
                      writes: fn(&DynamicObject) -> bool| {
        let list = List::of_kind(cluster.client(), &GroupVersionKind::gvk(group, version, kind), resource, None);
        let read = |piece: Piece<'_>| {
            // One that cannot be read counts as one that writes.
            let metadata = match serde_json::from_slice::<DynamicObject>(piece.bytes) {
                Ok(object) => writes(&object).then_some(object.metadata)?,
                Err(_) => bare_metadata(piece).unwrap_or_else(|it| it.into_metadata()),
            };
            let (namespace, name) = (metadata.namespace.unwrap_or_default(), metadata.name.unwrap_or_default());
            Some(Writer { kind, namespace, name })
        };
        list.labels(&select).all_if_served(read).await
    };
    let is_up = |it: &DynamicObject| it.data["spec"]["replicas"] != 0;
    let mut running = list("apps", "v1", "Deployment", "deployments", is_up).await?.unwrap_or_default();
    let is_active = |it: &DynamicObject| it.data["status"]["active"].as_u64().is_some_and(|count| count > 0);
    running.extend(list("batch", "v1", "Job", "jobs", is_active).await?.unwrap_or_default());
    for version in CRON_JOBS {
        let is_on = |it: &DynamicObject| it.data["spec"]["suspend"] != true;
        if let Some(jobs) = list("batch", version, "CronJob", "cronjobs", is_on).await? {
            running.extend(jobs);
            break;
        }
    }
    Ok(running)
}

/// The namespaces to list; `None`: the whole cluster, if none is named.
fn scopes(namespaces: &[Namespace]) -> Vec<Option<&str>> {
    if namespaces.is_empty() { vec![None] } else { namespaces.iter().map(|it| Some(it.as_str())).collect() }
}

/// What of a Secret is an installation's, if anything is. A copy that somebody made of one is nobody's.
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
