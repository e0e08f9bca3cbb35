//! The findings in a cluster.

use std::{
    collections::{BTreeSet, HashSet},
    time::SystemTime,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use regcred_core::{Error, Namespace, Refusal};
use regcred_openshift::Presence;

use super::tool::Tool;
use crate::vendor::{Source, Vendor};

/// The logins to search for, and the namespaces to search.
#[derive(Clone, Debug)]
pub struct Search {
    /// The namespaces to search. If the list is empty, the whole cluster is searched.
    pub namespaces: Vec<Namespace>,
    /// The vendors of the logins.
    pub vendors: Vec<Vendor>,
}

/// The findings, sorted by namespace and name.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    /// Secrets with logins of the vendors.
    pub secrets: Vec<PullSecret>,
    /// Secrets with the type of a pull secret whose data cannot be read.
    pub unreadable: Vec<Address>,
    /// Jobs that appear to write such Secrets.
    pub jobs: Vec<Job>,
    /// Templates for new projects on OpenShift that would create such a job.
    pub templates: Vec<Address>,
    /// Secrets with an AWS key, recognized by the names of their values.
    pub keys: Vec<Keys>,
    /// Errors of the lists that failed, with the permission that each list needs.
    pub unlisted: Vec<Error>,
    /// Namespaces of the search without any finding.
    pub nothing_in: Vec<(Namespace, Presence)>,
    /// Whether the whole cluster was searched.
    pub is_whole: bool,
}

/// The address of an object. Its names are unchecked, as the server returns them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
}

/// A Secret with logins of the vendors, without the logins themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullSecret {
    /// Address of the Secret.
    pub at: Address,
    /// The vendors' registries in the Secret, in today's spelling, sorted and without duplicates.
    pub registries: Vec<String>,
    /// The sources of their logins.
    pub sources: BTreeSet<Source>,
    /// Number of logins for other registries.
    pub others: usize,
    /// Number of entries that the kubelet cannot read. One such entry makes it refuse the whole Secret.
    pub undecodable: usize,
    /// Content beside `auths`, in words.
    pub more: Vec<String>,
    /// Keys of those registries that are not plain hosts, such as keys with a port or a path.
    pub odd: Vec<String>,
    /// Keys with a wildcard that match registries of a vendor. Only the kubelet and OpenShift's image import support
    /// wildcards.
    pub wildcards: Vec<String>,
    /// The readers that would not get the logins even after a renewal, in words.
    pub hidden: Option<String>,
    /// Whether every login has the user name that its vendor requires.
    pub has_user: bool,
    /// When the first of those logins expires.
    pub ends: Option<End>,
    /// When the data was last written, as far as the server knows.
    pub written_at: Option<SystemTime>,
    /// The field managers that wrote the data. The names are truncated and unescaped.
    pub writers: Vec<String>,
    /// The tool that wrote the Secret, if it is known.
    pub tool: Option<Tool>,
    /// The instance of regcred that owns the Secret.
    pub instance: Option<String>,
    /// The instances of regcred that merged logins into the Secret without owning it.
    pub merged_by: Vec<String>,
    /// Why regcred can neither take over the Secret nor merge into it, regardless of its content.
    pub obstacle: Option<Refusal>,
    /// Whether `kubectl apply` left a copy of the data in an annotation.
    pub has_copy: bool,
    /// The ServiceAccounts that use the Secret. `None` if they could not be listed.
    pub links: Option<Links>,
}

/// The expiry of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct End {
    /// The time of the expiry.
    pub at: SystemTime,
    /// Whether the time is an estimate from the last write and the usual lifetime. It is if the password does not
    /// contain the expiry.
    pub is_estimate: bool,
}

/// The `ServiceAccounts` that use a Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The accounts, sorted by name.
    pub accounts: Vec<Use>,
    /// Whether these are the links that [`Link::defaults`](regcred_openshift::Link::defaults) would create for the
    /// existing accounts.
    pub are_defaults: bool,
}

/// How a `ServiceAccount` uses a Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// Name of the account.
    pub account: String,
    /// Whether the Secret is in `imagePullSecrets`.
    pub pull: bool,
    /// Whether the Secret is in `secrets`.
    pub mount: bool,
}

/// A `CronJob` that appears to write pull secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Address of the job.
    pub at: Address,
    /// The tool that the job runs, if it is known.
    pub tool: Option<Tool>,
    /// The schedule in the job's spec.
    pub schedule: String,
    /// Whether it is suspended.
    pub is_suspended: bool,
    /// Whether the name alone identifies the job. If it does, every job with that name counts.
    pub is_by_name: bool,
}

/// A Secret with an AWS key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Address of the Secret.
    pub at: Address,
    /// The names of the values that make up the key. The values themselves are never read.
    pub names: Vec<String>,
}

impl Address {
    pub(super) fn of(metadata: &ObjectMeta) -> Self {
        let text = |it: &Option<String>| it.clone().unwrap_or_default();
        Self { namespace: text(&metadata.namespace), name: text(&metadata.name) }
    }
}

impl Discovery {
    /// Returns the namespaces with logins of the vendors.
    pub(crate) fn with_logins(&self) -> HashSet<&str> {
        self.secrets.iter().map(|it| it.at.namespace.as_str()).collect()
    }
}
