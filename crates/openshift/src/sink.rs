//! The sink itself: look, decide what may be written, write, link.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures::future::{join, join_all};
use k8s_openapi::{api::core::v1::ServiceAccount, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use regcred_core::{
    Applied, CredentialSet, Error, ErrorKind, InstanceName, Observed, Result, Revision, SecretSink, Target, Written,
};

use crate::{
    bulk::BulkReads,
    cluster::Cluster,
    form::{Form, LoginFormat},
    link::{Link, Recorded},
    look::{Accounts, Found, Look, ReadAccounts},
    metadata::{Identity, Ours, Standing, Version, standing, writers},
    record::managers,
    store::Store,
    untouched::Untouched,
};

/// Keeps registry credentials in Secrets of one cluster.
pub struct OpenShiftSink {
    pub(crate) store: Store,
    server: String,
    instance: InstanceName,
    previous: Option<Previous>,
    form: Form,
    manager: String,
    merge_manager: String,
    foreign: Foreign,
    expected: Option<Expected>,
    links: Vec<Link>,
    bulk: Option<BulkReads>,
    untouched: Untouched,
}

/// What is done with a Secret that stands at a target and is not ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Foreign {
    /// It is left alone, byte for byte.
    #[default]
    Refuse,
    /// It becomes ours, with its UID: whoever made it has given it up. One that holds logins for other registries too, or
    /// that a controller or a server-side apply would write again, is left alone.
    Adopt,
    /// It stays its owner's, and our entries stand in it beside the others', of which every byte stays. There has to be one.
    Merge,
    /// The same. If there is no Secret, one is created that holds our entries alone. [`SecretSink::remove`] deletes it if it still
    /// holds nothing else.
    MergeOrCreate,
}

impl Foreign {
    /// Whether a Secret stays its owner's.
    pub fn merges(self) -> bool {
        matches!(self, Self::Merge | Self::MergeOrCreate)
    }
}

/// Says of a host whether the Secret is to hold a login for it.
#[derive(Clone)]
struct Expected(Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl fmt::Debug for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expected").finish_non_exhaustive()
    }
}

/// The name that this installation had before, and who it was in `managedFields`.
#[derive(Clone, Debug)]
struct Previous {
    instance: InstanceName,
    manager: String,
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
        }
    }

    pub(crate) fn instance(&self) -> &str {
        self.instance.as_str()
    }

    pub(crate) fn form(&self) -> &Form {
        &self.form
    }

    /// Who we are where a Secret is ours.
    pub(crate) fn manager(&self) -> &str {
        &self.manager
    }

    /// Who we are where a Secret is somebody else's.
    pub(crate) fn merge_manager(&self) -> &str {
        &self.merge_manager
    }

    /// Whether an instance is the one that this installation was before.
    pub(crate) fn was(&self, instance: &str) -> bool {
        self.previous.as_ref().is_some_and(|previous| previous.instance.as_str() == instance)
    }

    /// The field managers of our own Secrets: the present one, and that of the previous instance.
    pub(crate) fn own_managers(&self) -> Vec<&str> {
        let previous = self.previous.as_ref().map(|previous| previous.manager.as_str());
        [self.manager()].into_iter().chain(previous).collect()
    }

    pub(crate) fn foreign(&self) -> Foreign {
        self.foreign
    }

    /// Whether the config has a login for a host, if that is known.
    pub(crate) fn expected(&self) -> Option<&dyn Fn(&str) -> bool> {
        self.expected.as_ref().map(|Expected(expected)| &**expected as &dyn Fn(&str) -> bool)
    }

    pub(crate) fn standing(&self, metadata: &ObjectMeta, target: &Target) -> Standing {
        let identity = Identity {
            instance: self.instance.as_str(),
            manager: &self.manager,
            target: &format!("{}/{}", target.namespace, target.name),
            links: &self.links,
            form: &self.form,
        };
        standing(metadata, &identity)
    }

    /// The ServiceAccounts that use each Secret.
    pub(crate) fn accounts(&self) -> Vec<String> {
        self.links.iter().map(|link| link.account().to_owned()).collect()
    }

    /// What is known of the targets that are watched.
    pub(crate) fn untouched(&self) -> &Untouched {
        &self.untouched
    }

    pub(crate) fn links(&self) -> &[Link] {
        &self.links
    }

    /// Has a target read anew at its next look: what was listed is older than what has happened to it.
    pub(crate) fn read_anew(&self, target: &Target) {
        if let Some(bulk) = &self.bulk {
            bulk.touch(target);
        }
    }

    async fn look(&self, target: &Target) -> Result<Look> {
        if let Some(left) = self.as_left(target) {
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
            && accounts.values().all(|it| matches!(it, Ok(None)))
            && let Some(gone) = self.store.gone_namespace(target.namespace.as_str()).await
        {
            return Err(gone);
        }
        let writers = metadata.as_ref().map(|it| writers(it, [&self.manager, &self.merge_manager])).unwrap_or_default();
        let version = metadata.as_ref().map(Version::of);
        let secret = match self.foreign {
            Foreign::Merge | Foreign::MergeOrCreate => self.find_merged(target, metadata).await?,
            Foreign::Refuse | Foreign::Adopt => self.find(target, metadata, is_doubtful).await?,
        };
        Ok(Look { version, writers, secret, accounts: Accounts::Read(accounts) })
    }

    /// All at once: a look costs one round trip.
    async fn read(&self, target: &Target) -> Result<(Option<ObjectMeta>, ReadAccounts)> {
        let namespace = target.namespace.as_str();
        let metadata = async {
            if let Some(bulk) = &self.bulk
                && let Some(metadata) = bulk.secret(target).await?
            {
                return Ok(metadata);
            }
            self.store.secret_metadata(namespace, target.name.as_str()).await
        };
        let accounts =
            join_all(self.links.iter().map(async |link| (link.account().to_owned(), self.account(target, link).await)));
        let (metadata, accounts) = join(metadata, accounts).await;
        Ok((metadata?, accounts.into_iter().collect()))
    }

    async fn account(&self, target: &Target, link: &Link) -> Result<Option<ServiceAccount>> {
        if let Some(bulk) = &self.bulk
            && let Some(account) = bulk.account(target, link.account()).await?
        {
            return Ok(account);
        }
        self.store.account(target.namespace.as_str(), link.account()).await
    }
}

#[async_trait]
impl SecretSink for OpenShiftSink {
    async fn observe(&self, target: &Target) -> Result<Observed> {
        let look = self.look(target).await?;
        let observed = look.observed(&self.links, target.name.as_str(), &self.manager);
        self.keep_found(target, &look, &observed);
        Ok(observed.with_revision(Revision::new(look)))
    }

    async fn apply(&self, target: &Target, observed: &Observed, credentials: &CredentialSet) -> Result<Applied> {
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
        self.untouched.touch(target);
        match self.foreign {
            Foreign::Merge | Foreign::MergeOrCreate => self.remove_merged(target).await,
            Foreign::Refuse | Foreign::Adopt => self.remove_own(target).await,
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
        let (mut links, mut undone) = (vec![], Recorded::of(&self.links));
        let dropped = recorded.undoable(&self.links);
        for (account, lists) in &dropped {
            let unlinked = self.unlink(target, account, *lists).await;
            if unlinked.is_err() {
                undone = undone.and([(account.clone(), *lists)]);
            }
            links.push(unlinked);
        }
        let mut unread = None;
        let (written, after) = match &look.secret {
            Found::Nothing if self.foreign.merges() => {
                self.create_merged(target).await?;
                unread = self.apply_merged(target, None, credentials).await?.1;
                (Written::Created, None)
            }
            Found::Nothing => self.write(target, None, &undone, credentials).await?,
            Found::Ours(ours) => self.write(target, Some(ours), &undone, credentials).await?,
            Found::Adoptable(_) => (self.adopt(target, look.version.as_ref(), credentials).await?, None),
            Found::Merged(_) => {
                let written;
                (written, unread) = self.apply_merged(target, look.version.as_ref(), credentials).await?;
                (written, None)
            }
            Found::Refused(refusal) => return Err(refusal.clone().into()),
        };
        links.extend(join_all(self.links.iter().map(|link| self.link(target, link, &look.accounts))).await);
        let linked = links.iter().any(|link| matches!(link, Ok(true)));
        let failure = links.into_iter().find_map(Result::err);
        let failure = failure.or_else(|| strange(target, &recorded.strange(&self.links)));
        let failure = failure.or_else(|| unread.as_ref()?.failure());
        self.read_anew(target);
        let waiting_for = look.waiting_for(&self.links).or_else(|| unread.as_ref()?.waiting());
        if let (Some(after), true, None, None) = (after, dropped.is_empty(), &failure, &waiting_for) {
            self.keep_written(target, &after, look);
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
    let Target { namespace, name, .. } = target;
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

    /// Asks nobody.
    pub fn build(self) -> OpenShiftSink {
        let Self { cluster, instance, previous, form, foreign, expected, links, bulk } = self;
        let [manager, merge_manager] = managers(instance.as_str());
        let previous = previous.map(|instance| {
            let [manager, _] = managers(instance.as_str());
            Previous { instance, manager }
        });
        OpenShiftSink {
            server: cluster.server().to_owned(),
            store: Store::new(cluster.client().clone(), manager.clone()).keeping(form.annotations.keys().cloned()),
            bulk,
            untouched: Untouched::default(),
            instance,
            previous,
            form,
            manager,
            merge_manager,
            foreign,
            expected,
            links,
        }
    }
}

impl fmt::Debug for OpenShiftSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, instance, foreign, links, .. } = self;
        f.debug_struct("OpenShiftSink")
            .field("server", server)
            .field("instance", instance)
            .field("foreign", foreign)
            .field("links", links)
            .finish_non_exhaustive()
    }
}
