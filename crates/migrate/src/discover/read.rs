//! The lists of what is looked for. What arrives is reduced at once.

use std::collections::HashSet;

use regcred_core::{Error, Namespace, Result};
use regcred_openshift::{Cluster, inspect::Objects};

use super::{
    account::Account,
    found::{Address, Job, Keys, Vendor},
    job::{self, Candidate},
    keys,
    pull_secret::{self, DOCKER_CFG, DOCKER_CONFIG, Reduced},
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
pub(super) struct Reader<'a> {
    objects: Objects<'a>,
    /// `None`: the whole cluster.
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

    pub(super) async fn pull_secrets(&self, vendor: &Vendor) -> Read<Reduced> {
        let reduce = |secret| match secret {
            Ok(secret) => pull_secret::reduce(secret, vendor),
            Err(metadata) => Some(Reduced::Unreadable(Address::of(&metadata))),
        };
        let read = async |scope: Option<&str>| {
            let mut all = self.objects.secrets(DOCKER_CONFIG, scope, reduce).await?;
            all.extend(self.objects.secrets(DOCKER_CFG, scope, reduce).await?);
            Ok(all)
        };
        self.everywhere(read).await
    }

    /// In namespaces with Secrets that were found, and of those alone.
    pub(super) async fn accounts(&self, used: &HashSet<Address>) -> Read<Account> {
        let namespaces = &used.iter().map(|it| it.namespace.as_str()).collect::<HashSet<_>>();
        let reduce = |account: &_| Account::reduce(account, namespaces, used);
        self.everywhere(async |scope| self.objects.service_accounts(scope, reduce).await).await
    }

    /// Of an API server that has no `CronJobs`, none.
    pub(super) async fn jobs(&self) -> Read<Candidate> {
        self.everywhere(async |scope| self.objects.cron_jobs(scope, Candidate::reduce).await).await
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
        let data = self.objects.config_map(namespace, name).await?;
        Some(data.into_values().collect::<Vec<_>>().join("\n"))
    }

    /// Only where the whole cluster is looked through; none on what is no OpenShift, and none where that may not be seen.
    pub(super) async fn templates(&self) -> Read<Address> {
        let read = async |scope: Option<&str>| match scope {
            Some(_) => Ok(vec![]),
            None => self.objects.templates(TEMPLATES, job::in_template).await,
        };
        self.everywhere(read).await
    }

    /// By metadata alone: who has written which value of a Secret is noted there, and so is the value's name.
    pub(super) async fn keys(&self) -> Read<Keys> {
        self.everywhere(async |scope| self.objects.secrets_metadata(OPAQUE, scope, keys::reduce).await).await
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
}
