//! The sink itself: look, decide what may be written, write, link.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use futures::future::{join, join_all};
use k8s_openapi::{api::core::v1::ServiceAccount, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use regcred_core::{Applied, CredentialSet, Error, ErrorKind, Observed, Result, SecretSink, Target, Written};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    bulk::Bulk,
    cluster::Cluster,
    link::{self, Link},
    look::{Accounts, Look, Looks},
    metadata::{Identity, Ours, Standing, standing},
    record::{LINKS, REGCRED},
    secret,
    store::Store,
};

/// A ServiceAccount that others write at this moment is read again so often; each of OpenShift's own writers does it too.
const LINK_TRIES: u32 = 5;
/// Times a random part and the number of the try: writers that met once do not meet again.
const LINK_PAUSE: Duration = Duration::from_millis(50);

/// Keeps registry credentials in Secrets of one cluster.
pub struct OpenShiftSink {
    server: String,
    store: Store,
    instance: String,
    manager: String,
    links: Vec<Link>,
    links_annotation: String,
    bulk: Option<Bulk>,
    looks: Looks,
}

/// Makes an [`OpenShiftSink`].
#[derive(Debug)]
pub struct OpenShiftSinkBuilder {
    cluster: Cluster,
    instance: String,
    links: Vec<Link>,
    bulk: bool,
}

impl OpenShiftSink {
    /// For this cluster.
    pub fn builder(cluster: Cluster) -> OpenShiftSinkBuilder {
        OpenShiftSinkBuilder { cluster, instance: "default".into(), links: vec![], bulk: false }
    }

    async fn look(&self, target: &Target) -> Result<Look> {
        let (namespace, name) = (target.namespace.as_str(), target.name.as_str());
        let listed = match &self.bulk {
            Some(bulk) => bulk.take(&self.store, &self.links, target).await?,
            None => None,
        };
        let (metadata, accounts) = match listed {
            Some(listed) => listed,
            None => self.read(namespace, name).await?,
        };
        Ok(Look { secret: metadata.map(|metadata| self.standing(&metadata, target)), accounts })
    }

    /// All at once: a look costs one round trip.
    async fn read(&self, namespace: &str, name: &str) -> Result<(Option<ObjectMeta>, Accounts)> {
        let accounts = join_all(self.links.iter().map(async |link| {
            let account = self.store.account(namespace, link.account()).await;
            (link.account().to_owned(), account)
        }));
        let (metadata, accounts) = join(self.store.secret_metadata(namespace, name), accounts).await;
        Ok((metadata?, accounts.into_iter().collect()))
    }

    fn standing(&self, metadata: &ObjectMeta, target: &Target) -> Standing {
        let identity = Identity {
            instance: &self.instance,
            manager: &self.manager,
            target: &format!("{}/{}", target.namespace, target.name),
            links: &self.links_annotation,
        };
        standing(metadata, &identity)
    }

    async fn write(&self, target: &Target, ours: Option<&Ours>, set: &CredentialSet) -> Result<Written> {
        let (namespace, name) = (target.namespace.as_str(), target.name.as_str());
        let data = match ours {
            Some(ours) if secret::needs_data(ours, set) => {
                let stored = self.store.secret(namespace, name).await?;
                let same = stored.filter(|it| it.metadata.resource_version == ours.resource_version);
                let conflict = || Error::new(ErrorKind::Conflict, format!("{target} was written meanwhile"));
                Some(secret::data(&same.ok_or_else(conflict)?, ours)?)
            }
            _ => None,
        };
        let plan = secret::plan(ours, data.as_ref(), set);
        let object = secret::manifest(target, &self.instance, &self.links_annotation, &plan, ours);
        let force = ours.is_some_and(|ours| !ours.drift.is_empty());
        let after = self.store.apply_secret(namespace, name, &object, force).await?;
        Ok(match ours {
            None => Written::Created,
            Some(ours) if ours.resource_version == after.resource_version => Written::Unchanged,
            Some(_) => Written::Updated,
        })
    }

    /// Edits an account by a guarded patch; reads it again if somebody else was faster. `edit` returns none where nothing is
    /// left to do, as there is for an account that does not exist.
    async fn edit_account(
        &self,
        namespace: &str,
        name: &str,
        mut read: Option<ServiceAccount>,
        edit: impl Fn(&ServiceAccount) -> Option<Value>,
    ) -> Result<()> {
        for attempt in 1..=LINK_TRIES {
            let Some(patch) = read.as_ref().and_then(&edit) else { return Ok(()) };
            match self.store.patch_account(namespace, name, &patch).await {
                Err(error) if error.kind() == ErrorKind::Conflict && attempt < LINK_TRIES => {
                    sleep(LINK_PAUSE.mul_f64(f64::from(attempt) * fastrand::f64())).await;
                    read = self.store.account(namespace, name).await?;
                }
                other => return other,
            }
        }
        Ok(())
    }

    async fn link(&self, target: &Target, link: &Link, look: &Look) -> Result<()> {
        let read = look.accounts.get(link.account()).cloned().unwrap_or(Ok(None))?;
        let edit = |account: &ServiceAccount| link.patch(account, target.name.as_str());
        self.edit_account(target.namespace.as_str(), link.account(), read, edit).await
    }

    async fn unlink(&self, target: &Target, account: &str) -> Result<()> {
        let namespace = target.namespace.as_str();
        let read = self.store.account(namespace, account).await?;
        self.edit_account(namespace, account, read, |account| link::unlink(account, target.name.as_str())).await
    }
}

fn refused(target: &Target, owner: &str) -> Error {
    Error::new(ErrorKind::Refused, format!("the Secret {}/{} is left alone", target.namespace, target.name))
        .with_cause(owner)
}

#[async_trait]
impl SecretSink for OpenShiftSink {
    async fn observe(&self, target: &Target) -> Result<Option<Observed>> {
        let look = self.look(target).await?;
        let observed = look.observed(&self.links, target.name.as_str());
        self.looks.put(target, look);
        Ok(observed)
    }

    async fn apply(&self, target: &Target, credentials: &CredentialSet) -> Result<Applied> {
        let look = match self.looks.take(target) {
            Some(look) => look,
            None => self.look(target).await?,
        };
        let ours = match &look.secret {
            None => None,
            Some(Standing::Ours(ours)) => Some(ours),
            Some(Standing::Foreign { owner }) => return Err(refused(target, owner)),
        };
        let written = self.write(target, ours, credentials).await?;
        let links = join_all(self.links.iter().map(|link| self.link(target, link, &look))).await;
        let failure = links.into_iter().find_map(Result::err);
        Ok(Applied::new(written).waiting_for(look.waiting_for(&self.links)).with_failure(failure))
    }

    async fn remove(&self, target: &Target) -> Result<()> {
        self.looks.take(target);
        let (namespace, name) = (target.namespace.as_str(), target.name.as_str());
        let Some(metadata) = self.store.secret_metadata(namespace, name).await? else { return Ok(()) };
        let ours = match self.standing(&metadata, target) {
            Standing::Foreign { owner } => return Err(refused(target, &owner)),
            Standing::Ours(ours) => ours,
        };
        // What others wrote into the annotation is not followed: then the links of the config are undone.
        let written = metadata.annotations.as_ref().and_then(|annotations| annotations.get(LINKS));
        let linked = written.filter(|_| ours.drift.is_empty()).unwrap_or(&self.links_annotation);
        for account in link::accounts(linked) {
            self.unlink(target, &account).await?;
        }
        self.store.delete_secret(namespace, name, &metadata).await
    }
}

impl OpenShiftSinkBuilder {
    /// Names this installation of regcred, so that two in one cluster do not write each other's Secrets. Default: `default`.
    #[must_use]
    pub fn with_instance(self, instance: impl Into<String>) -> Self {
        Self { instance: instance.into(), ..self }
    }

    /// The ServiceAccounts that use each Secret. Default: none.
    #[must_use]
    pub fn with_links(self, links: impl IntoIterator<Item = Link>) -> Self {
        Self { links: links.into_iter().collect(), ..self }
    }

    /// Lists Secrets and ServiceAccounts by name, where that is granted, instead of reading each. Worth it for more than a
    /// handful of targets. Default: no.
    #[must_use]
    pub fn with_bulk_reads(self, bulk: bool) -> Self {
        Self { bulk, ..self }
    }

    /// Asks nobody.
    pub fn build(self) -> OpenShiftSink {
        let Self { cluster, instance, links, bulk } = self;
        let manager = if instance == "default" { REGCRED.to_owned() } else { format!("{REGCRED}/{instance}") };
        OpenShiftSink {
            server: cluster.server().to_owned(),
            store: Store::new(cluster.client().clone(), manager.clone()),
            links_annotation: link::annotation(&links),
            bulk: bulk.then(Bulk::default),
            looks: Looks::default(),
            instance,
            manager,
            links,
        }
    }
}

impl fmt::Debug for OpenShiftSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, instance, links, .. } = self;
        f.debug_struct("OpenShiftSink")
            .field("server", server)
            .field("instance", instance)
            .field("links", links)
            .finish_non_exhaustive()
    }
}
