//! What others left in a cluster: pull secrets with who writes and who uses them, jobs that rotate them, keys of AWS. Reads only,
//! and keeps nothing that is a secret.

mod account;
mod job;
mod keys;
mod pull_secret;
mod read;
mod script;
mod tool;

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use regcred_core::{Error, Namespace, Refusal, Result};

pub use tool::Tool;

use self::read::{Reader, Unlisted};
use crate::{check::Presence, cluster::Cluster};

/// What is looked for, and where.
#[derive(Clone, Debug)]
pub struct Search {
    /// Only there; empty: in the whole cluster.
    pub namespaces: Vec<Namespace>,
    /// Whose logins.
    pub vendor: Vendor,
}

/// How logins of one vendor are told from those of others. Functions that keep nothing: they are shown passwords.
#[derive(Clone, Copy, Debug)]
pub struct Vendor {
    /// Whether a key of `auths`, without scheme and API version, is the host of one of its registries.
    pub owns: fn(&str) -> bool,
    /// The user of every login.
    pub user: &'static str,
    /// When a password ends, if that can be told from it.
    pub ends: fn(&str) -> Option<SystemTime>,
    /// How long a password lives of which it cannot be told.
    pub life: Duration,
}

/// What was found, by namespace and name.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    /// Secrets with logins of the vendor.
    pub secrets: Vec<PullSecret>,
    /// Secrets of a pull secret's type whose data is none: nobody can say what they hold.
    pub unreadable: Vec<Address>,
    /// Jobs that look as if they wrote such Secrets.
    pub jobs: Vec<Job>,
    /// Templates of new projects, on OpenShift, that would bring such a job along.
    pub templates: Vec<Address>,
    /// Secrets with a key of AWS, by the names of what they hold.
    pub keys: Vec<Keys>,
    /// What could not be listed, with the right that it takes.
    pub unlisted: Vec<Error>,
    /// Namespaces that were asked for by name and have none of all this.
    pub nothing_in: Vec<(Namespace, Presence)>,
    /// Whether it is of the whole cluster.
    pub is_whole: bool,
}

/// Where an object is. Names are as the server has them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A Secret with logins of the vendor, without the logins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullSecret {
    /// Where it is.
    pub at: Address,
    /// The vendor's registries in it, as they would be written today, in order and none twice.
    pub registries: Vec<String>,
    /// So many logins of others stand beside them.
    pub others: usize,
    /// So many entries the kubelet cannot read; one is enough for it to refuse all.
    pub undecodable: usize,
    /// What it holds beside `auths`, in words.
    pub more: Vec<String>,
    /// Keys of its registries that are no hosts alone, as with a port or a path: nobody would write them so today.
    pub odd: Vec<String>,
    /// Keys with a wildcard that match registries of the vendor. The kubelet alone and OpenShift's import read them.
    pub wildcards: Vec<String>,
    /// The readers that would not get its logins though they were renewed, in words.
    pub hidden: Option<String>,
    /// Whether all of the vendor's logins are by its user.
    pub has_user: bool,
    /// When the first of the vendor's logins ends.
    pub ends: Option<End>,
    /// When its data was written last, as far as the server knows.
    pub written_at: Option<SystemTime>,
    /// Who has written its data, as they call themselves: cut, and in need of escapes.
    pub writers: Vec<String>,
    /// What wrote it, if it is known.
    pub tool: Option<Tool>,
    /// The installation of regcred that keeps it.
    pub instance: Option<String>,
    /// The installations that have merged logins into it, while it stays somebody else's.
    pub merged_by: Vec<String>,
    /// Why it cannot be taken over or merged into, whatever it is to hold.
    pub obstacle: Option<Refusal>,
    /// Whether `kubectl apply` has left a copy of its data in an annotation.
    pub has_copy: bool,
    /// Who uses it; `None`: that could not be listed.
    pub links: Option<Links>,
}

/// The end of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct End {
    /// When.
    pub at: SystemTime,
    /// From the last write and the usual life: the password does not say.
    pub is_estimate: bool,
}

/// The `ServiceAccounts` that use a Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// By name.
    pub accounts: Vec<Use>,
    /// Whether they are those that [`Link::defaults`](crate::Link::defaults) would make, as far as the accounts exist.
    pub are_defaults: bool,
}

/// How a `ServiceAccount` uses a Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// Its name.
    pub account: String,
    /// In `imagePullSecrets`.
    pub pull: bool,
    /// In `secrets`.
    pub mount: bool,
}

/// A `CronJob` that looks as if it wrote pull secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Where it is.
    pub at: Address,
    /// What it runs, if it is known.
    pub tool: Option<Tool>,
    /// When it runs, as it says.
    pub schedule: String,
    /// Whether it is suspended.
    pub is_suspended: bool,
    /// Whether its name alone says so: then every job of that name is one.
    pub is_by_name: bool,
}

/// A Secret with a key of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Where it is.
    pub at: Address,
    /// The names of the values that make up the key; of the values nothing was read.
    pub names: Vec<String>,
}

/// Looks through a cluster. Secrets of the types of pull secrets are read whole and reduced as they arrive; of all others and of
/// everything else the metadata alone, or what it takes to tell. What cannot be listed besides them is noted, and the rest goes on.
/// An error only if no such Secret can be listed anywhere.
pub async fn discover(cluster: &Cluster, search: &Search) -> Result<Discovery> {
    let reader = Reader::new(cluster.client().clone(), &search.namespaces);
    let mut found = Discovery { is_whole: search.namespaces.is_empty(), ..Discovery::default() };
    let (read, mut failed) = reader.pull_secrets(&search.vendor).await;
    if read.is_none()
        && let Some((_, error)) = failed.first()
    {
        return Err(error.clone());
    }
    for it in read.into_iter().flatten() {
        match it {
            pull_secret::Reduced::Found(secret) => found.secrets.push(*secret),
            pull_secret::Reduced::Unreadable(at) => found.unreadable.push(at),
        }
    }
    if !found.secrets.is_empty() {
        let used = found.secrets.iter().map(|it| it.at.clone()).collect::<HashSet<_>>();
        let (accounts, unlisted) = reader.accounts(&used).await;
        failed.extend(unlisted);
        if let Some(accounts) = accounts {
            account::link(&mut found.secrets, &accounts);
        }
    }
    let (jobs, unlisted) = reader.jobs().await;
    let with_logins = found.secrets.iter().map(|it| it.at.namespace.clone()).collect::<HashSet<_>>();
    found.jobs = reader.writers(jobs.unwrap_or_default(), &with_logins).await;
    failed.extend(unlisted);
    let (templates, unlisted) = reader.templates().await;
    found.templates = templates.unwrap_or_default();
    failed.extend(unlisted);
    let (keys, unlisted) = reader.keys().await;
    found.keys = keys.unwrap_or_default();
    failed.extend(unlisted);
    found.nothing_in = nothing_in(cluster, search, &found, &failed).await;
    let mut told = HashSet::new(); // one right may stand in the way of two lists
    found.unlisted = failed.into_iter().map(|(_, error)| error).filter(|error| told.insert(error.chain())).collect();
    found.secrets.sort_by(|one, other| one.at.cmp(&other.at));
    found.unreadable.sort();
    found.jobs.sort_by(|one, other| one.at.cmp(&other.at));
    found.templates.sort();
    found.keys.sort_by(|one, other| one.at.cmp(&other.at));
    Ok(found)
}

/// Of the namespaces that were named, those that were looked through in vain.
async fn nothing_in(
    cluster: &Cluster,
    search: &Search,
    found: &Discovery,
    failed: &[Unlisted],
) -> Vec<(Namespace, Presence)> {
    let places = found.secrets.iter().map(|it| &it.at).chain(&found.unreadable);
    let places = places.chain(found.jobs.iter().map(|it| &it.at)).chain(found.keys.iter().map(|it| &it.at));
    let mut known = places.map(|it| it.namespace.as_str()).collect::<HashSet<_>>();
    known.extend(failed.iter().filter_map(|(scope, _)| scope.as_deref()));
    let nothing = search.namespaces.iter().filter(|it| known.insert(it.as_str())).collect::<Vec<_>>();
    let there = cluster.namespaces(&nothing.iter().map(|it| it.as_str()).collect::<Vec<_>>()).await;
    let there = there.into_iter().map(|it| it.unwrap_or(Presence::Unknown));
    nothing.into_iter().cloned().zip(there).collect()
}

impl Address {
    fn of(metadata: &ObjectMeta) -> Self {
        let text = |it: &Option<String>| it.clone().unwrap_or_default();
        Self { namespace: text(&metadata.namespace), name: text(&metadata.name) }
    }
}
