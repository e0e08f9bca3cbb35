//! The sink itself: look, decide what may be written, write, link.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures::future::{join, join_all};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use regcred_core::{
    Applied, CredentialSet, Error, ErrorKind, InstanceName, Observed, Result, Revision, SecretSink, Target, Written,
};

use crate::{
    account, address,
    cache::{Cache, Targets},
    cluster::Cluster,
    fields::writers,
    form::{Form, LoginFormat},
    link::{Link, Lists, Recorded},
    look::{Accounts, Found, Look, ReadAccounts},
    merge, own,
    ownership::{Ours, Version},
    record::managers,
    source::NamespaceList,
    store::Store,
    writer::{Expected, Foreign, Previous, SecretWriter},
};

/// Keeps registry credentials in Secrets of one cluster.
pub struct OpenShiftSink {
    writer: Arc<SecretWriter>,
    server: String,
    targets: Arc<Targets>,
    namespaces: Option<NamespaceList>,
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
    cache: Option<Cache>,
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
            cache: None,
            namespaces: None,
        }
    }

    /// Its cached targets.
    pub(crate) fn targets(&self) -> &Arc<Targets> {
        &self.targets
    }

    /// Takes a Secret out of every ServiceAccount of its namespace, whoever put it there. Takes the right to list them.
    pub async fn unlink_everywhere(&self, target: &Target) -> Result<()> {
        for account in self.writer.store.accounts_in(target.group()).await? {
            account::unlink(&self.writer, target, &account, Lists::BOTH).await?;
        }
        Ok(())
    }

    async fn look(&self, target: &Target) -> Result<Look> {
        if let Some(current) = self.targets.current(target) {
            return Ok(current);
        }
        let is_doubtful = self.targets.begin(target);
        let looked = self.read_and_judge(target, is_doubtful).await;
        if is_doubtful && looked.is_err() {
            self.targets.doubt(target);
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
        self.targets.is_followed(target) || is_listed()
    }

    /// All at once: a look costs one round trip.
    async fn read(&self, target: &Target) -> Result<(Option<ObjectMeta>, ReadAccounts)> {
        let account = async |link: &Link| (link.account().to_owned(), self.targets.account(target, link).await);
        let accounts = join_all(self.writer.links.iter().map(account));
        let (metadata, accounts) = join(self.targets.secret(target), accounts).await;
        Ok((metadata?, accounts.into_iter().collect()))
    }
}

#[async_trait]
impl SecretSink for OpenShiftSink {
    async fn observe(&self, target: &Target) -> Result<Observed> {
        address::check(target)?;
        let look = self.look(target).await?;
        let observed = look.observed(&self.writer.links, target.name(), self.writer.manager());
        self.targets.keep_read(target, &look, &observed);
        Ok(observed.with_revision(Revision::new(look)))
    }

    async fn apply(&self, target: &Target, observed: &Observed, credentials: &CredentialSet) -> Result<Applied> {
        address::check(target)?;
        let Some(look) = observed.revision.get::<Look>() else {
            return Err(Error::new(ErrorKind::Conflict, format!("this sink has not observed {target}")));
        };
        let applied = self.apply_to(target, look, credentials).await;
        if applied.is_err() {
            self.targets.invalidate(target); // it may have been written all the same, or by somebody else
        }
        applied
    }

    async fn remove(&self, target: &Target) -> Result<()> {
        address::check(target)?;
        self.targets.invalidate(target);
        match self.writer.foreign {
            Foreign::Merge | Foreign::MergeOrCreate => merge::remove_merged(&self.writer, target).await,
            Foreign::Refuse | Foreign::Adopt => own::remove_own(&self.writer, target).await,
        }
    }
}

impl OpenShiftSink {
    async fn apply_to(&self, target: &Target, look: &Look, credentials: &CredentialSet) -> Result<Applied> {
        self.targets.write(target);
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
        self.targets.written(target);
        let waiting_for = look.waiting_for(&self.writer.links).or_else(|| unread.as_ref()?.waiting());
        if let (Some(after), true, None, None) = (after, dropped.is_empty(), &failure, &waiting_for) {
            self.targets.keep_written(target, &after, look);
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

    /// Shares what is known of the cluster with other sinks and with watches. Default: a cache of its own, without lists.
    #[must_use]
    pub fn with_cache(self, cache: impl Into<Option<Cache>>) -> Self {
        Self { cache: cache.into(), ..self }
    }

    /// Takes a namespace that this list has shown within the last minute for existing. It is then not read again before its first Secret is
    /// written. Default: reads it.
    #[must_use]
    pub fn with_namespaces(self, namespaces: impl Into<Option<NamespaceList>>) -> Self {
        Self { namespaces: namespaces.into(), ..self }
    }

    /// Asks nobody.
    pub fn build(self) -> OpenShiftSink {
        let Self { cluster, instance, previous, form, foreign, expected, links, cache, namespaces } = self;
        let [manager, merge_manager] = managers(instance.as_str());
        let previous = previous.map(|instance| {
            let [manager, _] = managers(instance.as_str());
            Previous { instance, manager }
        });
        let cache = cache.unwrap_or_else(|| Cache::new(&cluster, form.annotations.keys().cloned(), []));
        let writer = Arc::new(SecretWriter {
            store: Store::new(cluster.client().clone(), manager.clone()).keeping(form.annotations.keys().cloned()),
            instance,
            previous,
            form,
            manager,
            merge_manager,
            foreign,
            expected,
            links,
        });
        let targets = Arc::new(Targets::new(writer.clone(), cache));
        OpenShiftSink { writer, server: cluster.server().to_owned(), targets, namespaces }
    }
}

impl fmt::Debug for OpenShiftSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SecretWriter { instance, foreign, links, .. } = &*self.writer;
        f.debug_struct("OpenShiftSink")
            .field("server", &self.server)
            .field("instance", instance)
            .field("foreign", foreign)
            .field("links", links)
            .finish_non_exhaustive()
    }
}
