//! Lists the objects of a search, and reduces each object as it arrives.

use std::collections::HashSet;

use regcred_core::{Error, Namespace, Result};
use regcred_openshift::{Cluster, inspect::Objects};

use super::{
    account::Account,
    found::{Address, Job, Keys},
    job::{self, Candidate},
    keys,
    pull_secret::{self, DOCKER_CFG, DOCKER_CONFIG, Reduced},
};
use crate::vendor::Vendor;

/// The namespace of the template for new projects on OpenShift.
const TEMPLATES: &str = "openshift-config";
/// Limit on the ConfigMaps that are read, one after the other.
const SCRIPTS: usize = 200;
/// The type of a Secret without an explicit type.
const OPAQUE: &str = "Opaque";

/// The namespace in which a list failed, and the error. `None` is the whole cluster.
pub(super) type Unlisted = (Option<String>, Error);
/// The objects and the failed lists. The objects are `None` if every list failed.
type Read<T> = (Option<Vec<T>>, Vec<Unlisted>);

/// Lists objects in the whole cluster or in some namespaces.
pub(super) struct Reader<'a> {
    objects: Objects<'a>,
    /// The namespaces to list. `None` is the whole cluster.
    scopes: Vec<Option<String>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(cluster: &'a Cluster, namespaces: &[Namespace]) -> Self {
        let mut scopes = namespaces.iter().map(|it| Some(it.to_string())).collect::<Vec<_>>();
        if scopes.is_empty() {
            scopes.push(None);
        }
        scopes.sort();
        scopes.dedup();
        Self { objects: Objects::of(cluster), scopes }
    }

    pub(super) async fn pull_secrets(&self, vendors: &[Vendor]) -> Read<Reduced> {
        let reduce = |secret| match secret {
            Ok(secret) => pull_secret::reduce(secret, vendors),
            Err(metadata) => Some(Reduced::Unreadable(Address::of(&metadata))),
        };
        let read = async |scope: Option<&str>| {
            let mut all = self.objects.secrets(DOCKER_CONFIG, scope, reduce).await?;
            all.extend(self.objects.secrets(DOCKER_CFG, scope, reduce).await?);
            Ok(all)
        };
        self.everywhere(read).await
    }

    /// Lists the ServiceAccounts in namespaces with pull secrets, and which of those Secrets they use.
    pub(super) async fn accounts(&self, used: &HashSet<Address>) -> Read<Account> {
        let namespaces = &used.iter().map(|it| it.namespace.as_str()).collect::<HashSet<_>>();
        let reduce = |account: &_| Account::reduce(account, namespaces, used);
        self.everywhere(async |scope| self.objects.service_accounts(scope, reduce).await).await
    }

    /// Lists the `CronJobs`. An API server without that kind has none.
    pub(super) async fn jobs(&self) -> Read<Candidate> {
        self.everywhere(async |scope| self.objects.cron_jobs(scope, Candidate::reduce).await).await
    }

    /// Returns the jobs that write pull secrets.
    ///
    /// Scripts in ConfigMaps are read only in namespaces with logins. A script that is missing, or that may not be
    /// read, is ignored.
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
        let data = self.objects.config_map(namespace, name).await?;
        Some(data.into_values().collect::<Vec<_>>().join("\n"))
    }

    /// Lists the templates for new projects, but only in a search of the whole cluster.
    ///
    /// A cluster that is not OpenShift has none. A missing permission counts as none too.
    pub(super) async fn templates(&self) -> Read<Address> {
        let read = async |scope: Option<&str>| match scope {
            Some(_) => Ok(vec![]),
            None => self.objects.templates(TEMPLATES, job::in_template).await,
        };
        self.everywhere(read).await
    }

    /// Lists Secrets by their metadata only. The field managers list the names of the values.
    pub(super) async fn keys(&self) -> Read<Keys> {
        self.everywhere(async |scope| self.objects.secrets_metadata(OPAQUE, scope, keys::reduce).await).await
    }

    /// Runs a list in each scope. A failure in one namespace does not stop the others.
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
}
