//! The sink: reads a target, decides what regcred may write, writes the Secret, and links it.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures::future::{join, join_all};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use regcred_core::{
    Applied, CredentialSet, Error, ErrorKind, InstanceName, Namespace, Observed, Result, Revision, SecretName,
    SecretSink, Target, Written,
};

use crate::{
    account,
    cache::{Cache, Targets},
    cluster::Cluster,
    codes,
    fields::writers,
    link::{Link, Lists, Recorded},
    merge, owned,
    ownership::{Owned, Version},
    settings::{Foreign, SinkSettings},
    snapshot::{Accounts, ReadAccounts, SecretState, Snapshot},
    source::NamespaceList,
    store::Store,
    template::LoginFormat,
    unread,
    writer::SecretWriter,
};

/// Keeps registry credentials in Secrets of one cluster.
pub struct OpenShiftSink {
    writer: Arc<SecretWriter>,
    targets: Arc<Targets>,
    namespaces: Option<NamespaceList>,
}

/// Builds an [`OpenShiftSink`].
#[derive(Debug)]
pub struct OpenShiftSinkBuilder {
    cluster: Cluster,
    settings: SinkSettings,
    cache: Option<Cache>,
    namespaces: Option<NamespaceList>,
}

impl OpenShiftSink {
    /// Returns a builder for a sink of this cluster.
    pub fn builder(cluster: Cluster) -> OpenShiftSinkBuilder {
        OpenShiftSinkBuilder { cluster, settings: SinkSettings::default(), cache: None, namespaces: None }
    }

    /// Returns its cached targets.
    pub(crate) fn targets(&self) -> &Arc<Targets> {
        &self.targets
    }

    /// Removes a Secret from the lists of every ServiceAccount of its namespace, including entries that regcred did not
    /// add. Needs the right to list ServiceAccounts.
    pub async fn unlink_everywhere(&self, target: &Target) -> Result<()> {
        for account in self.writer.store.accounts_in(target.group()).await? {
            account::unlink(&self.writer, target, &account, Lists::BOTH).await?;
        }
        Ok(())
    }

    async fn snapshot(&self, target: &Target) -> Result<Snapshot> {
        if let Some(current) = self.targets.current(target) {
            return Ok(current);
        }
        let is_doubtful = self.targets.states().begin(target);
        let snapshot = self.read_and_judge(target, is_doubtful).await;
        if is_doubtful && snapshot.is_err() {
            self.targets.states().doubt(target);
        }
        snapshot
    }

    async fn read_and_judge(&self, target: &Target, is_doubtful: bool) -> Result<Snapshot> {
        let (metadata, accounts) = self.read(target).await?;
        // If no object exists, the namespace itself may not exist.
        if metadata.is_none()
            && !self.is_namespace_known(target)
            && accounts.values().all(|it| matches!(it, Ok(None)))
            && let Some(gone) = self.writer.store.gone_namespace(target).await
        {
            return Err(gone);
        }
        let writers = metadata.as_ref().map(|it| writers(it, [&self.writer.manager, &self.writer.merge_manager]));
        let version = metadata.as_ref().map(Version::of);
        let secret = if self.writer.settings.foreign.merges() {
            merge::find_merged(&self.writer, target, metadata).await?
        } else {
            owned::find(&self.writer, target, metadata, is_doubtful).await?
        };
        Ok(Snapshot { version, writers: writers.unwrap_or_default(), secret, accounts: Accounts::Read(accounts) })
    }

    /// Returns whether the watches or the latest list show the namespace of a target.
    fn is_namespace_known(&self, target: &Target) -> bool {
        let is_listed = || self.namespaces.as_ref().is_some_and(|list| list.shows(target.group()));
        self.targets.states().is_followed(target) || is_listed()
    }

    /// Reads all objects of a target at once, in one round trip.
    async fn read(&self, target: &Target) -> Result<(Option<ObjectMeta>, ReadAccounts)> {
        let account = async |link: &Link| (link.account().to_owned(), self.targets.account(target, link).await);
        let accounts = join_all(self.writer.settings.links.iter().map(account));
        let (metadata, accounts) = join(self.targets.secret(target), accounts).await;
        Ok((metadata?, accounts.into_iter().collect()))
    }

    async fn apply_to(&self, target: &Target, snapshot: &Snapshot, set: &CredentialSet) -> Result<Applied> {
        self.targets.states().write(target);
        let (writer, links) = (&*self.writer, &self.writer.settings.links[..]);
        // Links that the config dropped are removed before their record in the Secret is.
        let recorded = match &snapshot.secret {
            SecretState::Owned(Owned { linked: Some(linked), .. }) => linked,
            _ => &Recorded::default(),
        };
        let (dropped, strange) = recorded.dropped(links);
        let (mut linked, mut undone) = (vec![], Recorded::of(links));
        for (account, lists) in &dropped {
            let unlinked = account::unlink(writer, target, account, *lists).await;
            if unlinked.is_err() {
                undone.add(account, *lists);
            }
            linked.push(unlinked);
        }
        let (version, mut readers) = (snapshot.version.as_ref(), None);
        let (written, after) = match &snapshot.secret {
            SecretState::Absent if writer.settings.foreign.merges() => {
                merge::create_merged(writer, target).await?;
                readers = merge::apply_merged(writer, target, None, set).await?.1;
                (Written::Created, None)
            }
            SecretState::Absent => owned::write(writer, target, None, &undone, set).await?,
            SecretState::Owned(owned) => owned::write(writer, target, Some(owned), &undone, set).await?,
            SecretState::Adoptable(_) => (owned::adopt(writer, target, version, set).await?, None),
            SecretState::Merged(_) => {
                let written;
                (written, readers) = merge::apply_merged(writer, target, version, set).await?;
                (written, None)
            }
            SecretState::Refused(refusal) => return Err(refusal.clone().into()),
        };
        let link = |link| account::link(writer, target, link, &snapshot.accounts);
        linked.extend(join_all(links.iter().map(link)).await);
        let is_linked = linked.iter().any(|link| matches!(link, Ok(true)));
        let failure = linked.into_iter().find_map(Result::err).or_else(|| strange_accounts(target, &strange));
        let failure = failure.or_else(|| unread::failure(readers.as_ref()?));
        self.targets.cache().touch(target);
        let waiting_for = snapshot.waiting_for(links).or_else(|| unread::waiting(readers.as_ref()?));
        if let (Some(after), true, None, None) = (after, dropped.is_empty(), &failure, &waiting_for) {
            self.targets.keep_written(target, &after, snapshot);
        }
        Ok(Applied::new(written).also_written(is_linked).waiting_for(waiting_for).with_failure(failure))
    }
}

#[async_trait]
impl SecretSink for OpenShiftSink {
    async fn observe(&self, target: &Target) -> Result<Observed> {
        check_address(target)?;
        let snapshot = self.snapshot(target).await?;
        let observed = snapshot.observed(&self.writer.settings.links, target.name(), &self.writer.manager);
        self.targets.keep_read(target, &snapshot, &observed);
        Ok(observed.with_revision(Revision::new(snapshot)))
    }

    async fn apply(&self, target: &Target, observed: &Observed, credentials: &CredentialSet) -> Result<Applied> {
        check_address(target)?;
        let Some(snapshot) = observed.revision.get::<Snapshot>() else {
            let error = Error::new(ErrorKind::Conflict, format!("cannot write {target}"));
            return Err(error.with_cause("this sink has not observed it"));
        };
        let applied = self.apply_to(target, snapshot, credentials).await;
        if applied.is_err() {
            self.targets.invalidate(target); // the write may have succeeded, or another program has written
        }
        applied
    }

    async fn remove(&self, target: &Target) -> Result<()> {
        check_address(target)?;
        self.targets.invalidate(target);
        if self.writer.settings.foreign.merges() {
            merge::remove_merged(&self.writer, target).await
        } else {
            owned::remove_owned(&self.writer, target).await
        }
    }
}

/// Fails if the address is not that of a Secret.
fn check_address(target: &Target) -> Result<()> {
    Namespace::new(target.group())?;
    SecretName::new(target.name()).map(drop)
}

/// Number of names in an error.
const SHOWN: usize = 5;

/// Reports accounts that may use a Secret and that regcred has no rights to write.
fn strange_accounts(target: &Target, accounts: &[&str]) -> Option<Error> {
    let first = accounts.first()?;
    let names = accounts.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    let (namespace, name) = (target.group(), target.name());
    let message = format!("cannot unlink {name} from the ServiceAccounts {names}");
    let edit = format!("`kubectl edit serviceaccount {first} --namespace={namespace}`");
    let cause = format!("the config does not name them, so remove {name} from their lists with {edit}");
    Some(Error::new(&codes::ACCOUNTS, message).with_cause(cause))
}

impl OpenShiftSinkBuilder {
    /// Sets the name of this installation, which prevents two installations in one cluster from writing each other's
    /// Secrets. Default: `default`.
    #[must_use]
    pub fn with_instance(mut self, instance: InstanceName) -> Self {
        self.settings.instance = instance;
        self
    }

    /// Sets the previous name of this installation. Its Secrets are taken over, with their UID and without a gap. That
    /// installation must no longer write them. Default: none.
    #[must_use]
    pub fn with_previous_instance(mut self, previous: impl Into<Option<InstanceName>>) -> Self {
        self.settings.previous = previous.into();
        self
    }

    /// Adds labels to each Secret that regcred owns. Default: none.
    #[must_use]
    pub fn with_labels(mut self, labels: impl IntoIterator<Item = (String, String)>) -> Self {
        self.settings.template.labels = labels.into_iter().collect();
        self
    }

    /// Adds annotations to each Secret that regcred owns. Default: none.
    #[must_use]
    pub fn with_annotations(mut self, annotations: impl IntoIterator<Item = (String, String)>) -> Self {
        self.settings.template.annotations = annotations.into_iter().collect();
        self
    }

    /// Sets the format of logins. Default: `auth` alone.
    #[must_use]
    pub fn with_login_format(mut self, logins: LoginFormat) -> Self {
        self.settings.template.logins = logins;
        self
    }

    /// Sets the policy for a Secret that regcred does not own. Default: the sink leaves it unchanged.
    #[must_use]
    pub fn with_foreign(mut self, foreign: Foreign) -> Self {
        self.settings.foreign = foreign;
        self
    }

    /// Sets a function that returns whether each Secret gets a login for a host, if that is known before a mint.
    /// `observe` then refuses to adopt a Secret with a login for another host. Default: `apply` refuses it.
    #[must_use]
    pub fn with_expected(mut self, expected: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.settings.expected = Some(Arc::new(expected));
        self
    }

    /// Sets the ServiceAccounts that use each Secret. Default: none.
    #[must_use]
    pub fn with_links(mut self, links: impl IntoIterator<Item = Link>) -> Self {
        self.settings.links = links.into_iter().collect();
        self
    }

    /// Shares a cache with other sinks and with watches. Default: its own cache, without lists.
    #[must_use]
    pub fn with_cache(mut self, cache: impl Into<Option<Cache>>) -> Self {
        self.cache = cache.into();
        self
    }

    /// Uses a list of namespaces. A namespace that was in the list within the last minute is not read before its first
    /// Secret is written. Default: each namespace is read.
    #[must_use]
    pub fn with_namespaces(mut self, namespaces: impl Into<Option<NamespaceList>>) -> Self {
        self.namespaces = namespaces.into();
        self
    }

    /// Builds the sink. Sends no request.
    pub fn build(self) -> OpenShiftSink {
        let Self { cluster, settings, cache, namespaces } = self;
        let annotations = || settings.template.annotations.keys().cloned();
        let cache = cache.unwrap_or_else(|| Cache::new(&cluster, annotations(), []));
        let store = Store::new(&cluster, annotations());
        let writer = Arc::new(SecretWriter::new(store, settings));
        OpenShiftSink { targets: Arc::new(Targets::new(writer.clone(), cache)), writer, namespaces }
    }
}

impl fmt::Debug for OpenShiftSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenShiftSink").field("writer", &self.writer).finish_non_exhaustive()
    }
}
