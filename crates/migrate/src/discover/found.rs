//! The findings in a cluster.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use regcred_core::{Error, Namespace, Refusal};
use regcred_openshift::Presence;

use super::tool::Tool;

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
    /// Whether they are those that [`Link::defaults`](regcred_openshift::Link::defaults) would make, as far as the accounts exist.
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

impl Address {
    pub(super) fn of(metadata: &ObjectMeta) -> Self {
        let text = |it: &Option<String>| it.clone().unwrap_or_default();
        Self { namespace: text(&metadata.namespace), name: text(&metadata.name) }
    }
}

impl Discovery {
    /// Returns the namespaces that have logins of the vendor.
    pub(crate) fn with_logins(&self) -> HashSet<&str> {
        self.secrets.iter().map(|it| it.at.namespace.as_str()).collect()
    }
}
