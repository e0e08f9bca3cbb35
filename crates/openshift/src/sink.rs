//! The sink itself: look, decide what may be written, write, link.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures::future::{join, join_all};
use k8s_openapi::{api::core::v1::ServiceAccount, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use regcred_core::{
    Applied, CredentialSet, Error, ErrorKind, InstanceName, Observed, Result, Revision, SecretSink, Target, Written,
};

use crate::{
    account, address,
    bulk::BulkReads,
    cluster::Cluster,
    fields::{is_latest, writers},
    form::{Form, LoginFormat},
    link::{Link, Lists, Recorded},
    look::{Accounts, Found, Look, ReadAccounts},
    merge, own,
    ownership::{Ours, Version},
    record::managers,
    remember,
    source::NamespaceList,
    store::Store,
    untouched::{Seen, Untouched},
    writer::{Expected, Foreign, Previous, SecretWriter},
};

/// Keeps registry credentials in Secrets of one cluster.
pub struct OpenShiftSink {
    writer: SecretWriter,
    server: String,
    bulk: Option<BulkReads>,
    namespaces: Option<NamespaceList>,
    untouched: Untouched,
}

/// Makes an [`OpenShiftSink`].
#[derive(Debug)]
pub struct OpenShiftSinkBuilder {
    cluster: Cluster,
    instance: InstanceName,
    previous: Option<InstanceName>,
    form: Form,
    foreign: Foreign,
    expected: Option<Expected>,
    links: Vec<Link>,
    bulk: Option<BulkReads>,
    namespaces: Option<NamespaceList>,
}

impl OpenShiftSink {
    /// For this cluster.
    pub fn builder(cluster: Cluster) -> OpenShiftSinkBuilder {
        let (instance, form, foreign) = (InstanceName::default(), Form::default(), Foreign::default());
        OpenShiftSinkBuilder {
            cluster,
            instance,
            previous: None,
            form,
            foreign,
            expected: None,
            links: vec![],
            bulk: None,
            namespaces: None,
        }
    }

    /// The ServiceAccounts that use each Secret.
    pub(crate) fn accounts(&self) -> Vec<String> {
        self.writer.links.iter().map(|link| link.account().to_owned()).collect()
    }

    /// What is known of the targets that are watched.
    pub(crate) fn untouched(&self) -> &Untouched {
        &self.untouched
    }

    /// Something has happened to a target: what is known of it is older than that.
    pub(crate) fn was_touched(&self, target: &Target) {
        self.read_anew(target); // first: who begins to look in between finds nothing that is older
        self.untouched.touch(target);
    }

    /// Whether a Secret that was written stands as we would have left it, by its metadata alone. It does not if another program wrote it
    /// as our field manager.
    pub(crate) fn is_secret_as_left(&self, metadata: &ObjectMeta, target: &Target) -> bool {
        if !remember::is_as_left(&self.writer, metadata, target) {
            return false;
        }
        let seen = self.untouched.stands(target, metadata.resource_version.as_deref());
        if seen != Seen::Known {
            self.read_anew(target);
        }
        let is_doubtful = seen == Seen::Unknown && is_latest(metadata, self.writer.manager());
        if is_doubtful {
            self.untouched.doubt(target);
        }
        !is_doubtful
    }

    /// Whether a ServiceAccount that was written uses the Secret as it should.
    pub(crate) fn is_account_as_left(&self, account: &ServiceAccount, name: &str, target: &Target) -> bool {
        let mut own = self.writer.links.iter().filter(|link| link.account() == name);
        own.all(|link| link.holds(account, target.name()))
    }

    /// Takes a Secret out of every ServiceAccount of its namespace, whoever put it there. Takes the right to list them.
    pub async fn unlink_everywhere(&self, target: &Target) -> Result<()> {
        for account in self.writer.store.accounts_in(target.group()).await? {
            account::unlink(&self.writer, target, &account, Lists::BOTH).await?;
        }
        Ok(())
    }

    /// Has a target read anew at its next look: what was listed is older than what has happened to it.
    pub(crate) fn read_anew(&self, target: &Target) {
        if let Some(bulk) = &self.bulk {
            bulk.touch(target);
        }
    }

    async fn look(&self, target: &Target) -> Result<Look> {
        if let Some(left) = remember::as_left(&self.writer, &self.untouched, target) {
            return Ok(left);
        }
        let is_doubtful = self.untouched.begin(target);
        let looked = self.read_and_judge(target, is_doubtful).await;
        if is_doubtful && looked.is_err() {
            self.untouched.doubt(target);
        }
        looked
    }

    async fn read_and_judge(&self, target: &Target, is_doubtful: bool) -> Result<Look> {
        let (metadata, accounts) = self.read(target).await?;
        // Where nothing is there at all, the namespace itself may not be.
        if metadata.is_none()
            && !self.is_namespace_known(target)
            && accounts.values().all(|it| matches!(it, Ok(None)))
            && let Some(gone) = self.writer.store.gone_namespace(target.group()).await
        {
            return Err(gone);
        }
        let writers = metadata
            .as_ref()
            .map(|it| writers(it, [self.writer.manager(), self.writer.merge_manager()]))
            .unwrap_or_default();
        let version = metadata.as_ref().map(Version::of);
        let secret = match self.writer.foreign {
            Foreign::Merge | Foreign::MergeOrCreate => merge::find_merged(&self.writer, target, metadata).await?,
            Foreign::Refuse | Foreign::Adopt => own::find(&self.writer, target, metadata, is_doubtful).await?,
        };
        Ok(Look { version, writers, secret, accounts: Accounts::Read(accounts) })
    }

    /// Whether the namespace of a target is there as far as watches or the latest list show.
    fn is_namespace_known(&self, target: &Target) -> bool {
        let is_listed = || self.namespaces.as_ref().is_some_and(|list| list.shows(target.group()));
        self.untouched.is_followed(target) || is_listed()
    }

    /// All at once: a look costs one round trip.
    async fn read(&self, target: &Target) -> Result<(Option<ObjectMeta>, ReadAccounts)> {
        let namespace = target.group();
        let metadata = async {
            if let Some(bulk) = &self.bulk
                && let Some(metadata) = bulk.secret(target).await?
            {
                return Ok(metadata);
            }
            self.writer.store.secret_metadata(namespace, target.name()).await
        };
        let accounts = join_all(
            self.writer.links.iter().map(async |link| (link.account().to_owned(), self.account(target, link).await)),
        );
        let (metadata, accounts) = join(metadata, accounts).await;
        Ok((metadata?, accounts.into_iter().collect()))
    }

    async fn account(&self, target: &Target, link: &Link) -> Result<Option<ServiceAccount>> {
        if let Some(bulk) = &self.bulk
            && let Some(account) = bulk.account(target, link.account()).await?
        {
            return Ok(account);
        }
        self.writer.store.account(target.group(), link.account()).await
    }
}

#[async_trait]
impl SecretSink for OpenShiftSink {
    async fn observe(&self, target: &Target) -> Result<Observed> {
        address::check(target)?;
        let look = self.look(target).await?;
        let observed = look.observed(&self.writer.links, target.name(), self.writer.manager());
        remember::keep_found(&self.untouched, target, &look, &observed);
        Ok(observed.with_revision(Revision::new(look)))
    }

    async fn apply(&self, target: &Target, observed: &Observed, credentials: &CredentialSet) -> Result<Applied> {
        address::check(target)?;
        let Some(look) = observed.revision.get::<Look>() else {
            return Err(Error::new(ErrorKind::Conflict, format!("this sink has not observed {target}")));
        };
        let applied = self.apply_to(target, look, credentials).await;
        if applied.is_err() {
            self.untouched.touch(target); // it may have been written all the same, or by somebody else
        }
        applied
    }

    async fn remove(&self, target: &Target) -> Result<()> {
        address::check(target)?;
        self.untouched.touch(target);
        match self.writer.foreign {
            Foreign::Merge | Foreign::MergeOrCreate => merge::remove_merged(&self.writer, target).await,
            Foreign::Refuse | Foreign::Adopt => own::remove_own(&self.writer, target).await,
        }
    }
}

impl OpenShiftSink {
    async fn apply_to(&self, target: &Target, look: &Look, credentials: &CredentialSet) -> Result<Applied> {
        self.untouched.write(target);
        // What the config has dropped is undone before the Secret stops saying that it was done.
        let recorded = match &look.secret {
            Found::Ours(Ours { linked: Some(linked), .. }) => linked.clone(),
            _ => Recorded::default(),
        };
        let (mut links, mut undone) = (vec![], Recorded::of(&self.writer.links));
        let dropped = recorded.undoable(&self.writer.links);
        for (account, lists) in &dropped {
            let unlinked = account::unlink(&self.writer, target, account, *lists).await;
            if unlinked.is_err() {
                undone = undone.and([(account.clone(), *lists)]);
            }
            links.push(unlinked);
        }
        let mut unread = None;
        let (written, after) = match &look.secret {
            Found::Nothing if self.writer.foreign.merges() => {
                merge::create_merged(&self.writer, target).await?;
                unread = merge::apply_merged(&self.writer, target, None, credentials).await?.1;
                (Written::Created, None)
            }
            Found::Nothing => own::write(&self.writer, target, None, &undone, credentials).await?,
            Found::Ours(ours) => own::write(&self.writer, target, Some(ours), &undone, credentials).await?,
            Found::Adoptable(_) => (own::adopt(&self.writer, target, look.version.as_ref(), credentials).await?, None),
            Found::Merged(_) => {
                let written;
                (written, unread) =
                    merge::apply_merged(&self.writer, target, look.version.as_ref(), credentials).await?;
                (written, None)
            }
            Found::Refused(refusal) => return Err(refusal.clone().into()),
        };
        links.extend(
            join_all(self.writer.links.iter().map(|link| account::link(&self.writer, target, link, &look.accounts)))
                .await,
        );
        let linked = links.iter().any(|link| matches!(link, Ok(true)));
        let failure = links.into_iter().find_map(Result::err);
        let failure = failure.or_else(|| strange(target, &recorded.strange(&self.writer.links)));
        let failure = failure.or_else(|| unread.as_ref()?.failure());
        self.read_anew(target);
        let waiting_for = look.waiting_for(&self.writer.links).or_else(|| unread.as_ref()?.waiting());
        if let (Some(after), true, None, None) = (after, dropped.is_empty(), &failure, &waiting_for) {
            remember::keep_written(&self.writer, &self.untouched, target, &after, look);
        }
        Ok(Applied::new(written).also_written(linked).waiting_for(waiting_for).with_failure(failure))
    }
}

/// Number of names in an error.
const SHOWN: usize = 5;

/// Returns the error that reports accounts which may use a Secret and which regcred has no rights to write.
fn strange(target: &Target, accounts: &[&str]) -> Option<Error> {
    let first = accounts.first()?;
    let names = accounts.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    let (namespace, name) = (target.group(), target.name());
    let message = format!("ServiceAccounts that the config does not name may use {name}: {names}");
    let fix =
        format!("take it out of their lists by hand: kubectl edit serviceaccount {first} --namespace={namespace}");
    Some(Error::new(ErrorKind::Refused, message).with_cause(fix))
}

impl OpenShiftSinkBuilder {
    /// Names this installation of regcred, so that two in one cluster do not write each other's Secrets. Default: `default`.
    #[must_use]
    pub fn with_instance(self, instance: InstanceName) -> Self {
        Self { instance, ..self }
    }

    /// The name that this installation had before. Its Secrets become ours, with their UID and without a gap, as if they were to be
    /// adopted. Nothing else may write them any more. Default: none.
    #[must_use]
    pub fn with_previous_instance(self, previous: impl Into<Option<InstanceName>>) -> Self {
        Self { previous: previous.into(), ..self }
    }

    /// Labels of each Secret of ours, beside our own. Default: none.
    #[must_use]
    pub fn with_labels(mut self, labels: impl IntoIterator<Item = (String, String)>) -> Self {
        self.form.labels = labels.into_iter().collect();
        self
    }

    /// Annotations of each Secret of ours, beside our own. Default: none.
    #[must_use]
    pub fn with_annotations(mut self, annotations: impl IntoIterator<Item = (String, String)>) -> Self {
        self.form.annotations = annotations.into_iter().collect();
        self
    }

    /// How logins are written. Default: `auth` alone.
    #[must_use]
    pub fn with_login_format(mut self, logins: LoginFormat) -> Self {
        self.form.logins = logins;
        self
    }

    /// What is done with a Secret that is not ours. Default: it is left alone.
    #[must_use]
    pub fn with_foreign(self, foreign: Foreign) -> Self {
        Self { foreign, ..self }
    }

    /// Says of a host whether each Secret is to hold a login for it, as far as that is known before anything is minted. A Secret with a
    /// login for another host is then refused at the first look, if it is to be adopted. Default: it is refused at the first write.
    #[must_use]
    pub fn with_expected(self, expected: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self { expected: Some(Expected(Arc::new(expected))), ..self }
    }

    /// The ServiceAccounts that use each Secret. Default: none.
    #[must_use]
    pub fn with_links(self, links: impl IntoIterator<Item = Link>) -> Self {
        Self { links: links.into_iter().collect(), ..self }
    }

    /// Takes what lists returned, where that is granted, instead of reading each Secret and each ServiceAccount. Worth it for more
    /// than a handful of targets; sinks of one cluster share it. Default: reads each.
    #[must_use]
    pub fn with_bulk_reads(self, bulk: impl Into<Option<BulkReads>>) -> Self {
        Self { bulk: bulk.into(), ..self }
    }

    /// Takes a namespace that this list has shown within the last minute for existing. It is then not read again before its first Secret is
    /// written. Default: reads it.
    #[must_use]
    pub fn with_namespaces(self, namespaces: impl Into<Option<NamespaceList>>) -> Self {
        Self { namespaces: namespaces.into(), ..self }
    }

    /// Asks nobody.
    pub fn build(self) -> OpenShiftSink {
        let Self { cluster, instance, previous, form, foreign, expected, links, bulk, namespaces } = self;
        let [manager, merge_manager] = managers(instance.as_str());
        let previous = previous.map(|instance| {
            let [manager, _] = managers(instance.as_str());
            Previous { instance, manager }
        });
        let writer = SecretWriter {
            store: Store::new(cluster.client().clone(), manager.clone()).keeping(form.annotations.keys().cloned()),
            instance,
            previous,
            form,
            manager,
            merge_manager,
            foreign,
            expected,
            links,
        };
        let server = cluster.server().to_owned();
        OpenShiftSink { writer, server, bulk, namespaces, untouched: Untouched::default() }
    }
}

impl fmt::Debug for OpenShiftSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, writer: SecretWriter { instance, foreign, links, .. }, .. } = self;
        f.debug_struct("OpenShiftSink")
            .field("server", server)
            .field("instance", instance)
            .field("foreign", foreign)
            .field("links", links)
            .finish_non_exhaustive()
    }
}
