//! A sink made of a document store and a format.

use async_trait::async_trait;
use secrecy::ExposeSecret;

use crate::{
    Address, Applied, Code, CredentialSet, Details, Error, ErrorKind, InstanceName, Observed, Refusal, Result,
    Revision, SecretSink, Target, Written,
    codes::{FOREIGN, OTHER_INSTANCE, UNREADABLE},
    document::{Contents, Document, DocumentFormat, DocumentStore},
};

/// Keeps each target as one document of a store.
///
/// It refuses a document without the records of regcred, because the document belongs to another owner, unless it is
/// [merging](Self::merging). It also refuses a document of another installation.
#[derive(Debug)]
pub struct DocumentSink<S, F> {
    store: S,
    format: F,
    instance: InstanceName,
    is_merging: bool,
}

impl<S: DocumentStore, F: DocumentFormat> DocumentSink<S, F> {
    /// Creates a sink of the installation `default`.
    pub fn new(store: S, format: F) -> Self {
        Self { store, format, instance: InstanceName::default(), is_merging: false }
    }

    /// Sets the name of this installation of regcred. Two installations with one store then do not overwrite each
    /// other's documents. Default: `default`.
    #[must_use]
    pub fn with_instance(self, instance: InstanceName) -> Self {
        Self { instance, ..self }
    }

    /// Also writes into documents of other owners, and leaves their content unchanged as far as the format allows it.
    #[must_use]
    pub fn merging(self) -> Self {
        Self { is_merging: true, ..self }
    }

    async fn read(&self, address: &Address) -> Result<Seen<S::Version>> {
        let document = self.store.load(address).await?;
        let found = document.as_ref().map(|it| self.judge(it));
        Ok(Seen { address: address.clone(), document, found })
    }

    fn judge(&self, document: &Document<S::Version>) -> Result<Contents, Refusal> {
        match self.format.read(document.content.expose_secret()) {
            Err(error) => Err(refusal(&UNREADABLE, "unreadable", &error.chain())),
            Ok(None) if self.is_merging => Ok(Contents::new(self.instance.clone())),
            Ok(None) => Err(refusal(&FOREIGN, "foreign", "regcred did not write it")),
            Ok(Some(it)) if it.instance != self.instance => {
                let found = format!("it belongs to regcred's instance {:?}", it.instance.as_str());
                Err(refusal(&OTHER_INSTANCE, "other-instance", &found))
            }
            Ok(Some(contents)) => Ok(contents),
        }
    }
}

/// A document, and whether this installation may write it.
struct Seen<V> {
    address: Address,
    document: Option<Document<V>>,
    /// `None`: there is no document.
    found: Option<Result<Contents, Refusal>>,
}

impl<V> Seen<V> {
    fn content(&self) -> Option<&[u8]> {
        self.document.as_ref().map(|it| it.content.expose_secret())
    }

    fn version(&self) -> Option<&V> {
        self.document.as_ref().map(|it| &it.version)
    }
}

fn refusal(code: &'static Code, reason: &'static str, found: &str) -> Refusal {
    Refusal::new(reason, found, "name another place in the config, or move it away").with_code(code)
}

#[async_trait]
impl<S: DocumentStore, F: DocumentFormat> SecretSink for DocumentSink<S, F> {
    async fn observe(&self, target: &Target) -> Result<Observed> {
        let seen = self.read(&target.address).await?;
        let observed = match &seen.found {
            None => Observed::absent(),
            Some(Err(refusal)) => Observed::refused(refusal.clone()),
            Some(Ok(contents)) => {
                let mut details = Details::of(format!("regcred/{}", contents.instance));
                details.registries = contents.entries.keys().cloned().collect();
                Observed::ours(contents.validity())
                    .with_drift(contents.drift.iter().cloned())
                    .waiting_for(contents.unread.clone())
                    .with_details(details)
            }
        };
        Ok(observed.with_revision(Revision::new(seen)))
    }

    async fn apply(&self, target: &Target, observed: &Observed, credentials: &CredentialSet) -> Result<Applied> {
        let seen = observed.revision.get::<Seen<S::Version>>().filter(|it| it.address == target.address);
        let unseen = || {
            Error::new(ErrorKind::Conflict, format!("cannot write {target}"))
                .with_cause("this sink has not observed it")
        };
        let seen = seen.ok_or_else(unseen)?;
        let before = match &seen.found {
            None => Contents::new(self.instance.clone()),
            Some(Ok(contents)) => contents.clone(),
            Some(Err(refusal)) => return Err(refusal.clone().into()),
        };
        let after = self.format.write(seen.content(), &before.with(credentials)?)?;
        let unread = self.format.read(after.expose_secret())?.and_then(|it| it.unread);
        if seen.content() == Some(after.expose_secret()) {
            return Ok(Applied::new(Written::Unchanged).waiting_for(unread));
        }
        self.store.store(&target.address, after, seen.version()).await?;
        let written = if seen.document.is_some() { Written::Updated } else { Written::Created };
        Ok(Applied::new(written).waiting_for(unread))
    }

    async fn remove(&self, target: &Target) -> Result<()> {
        let seen = self.read(&target.address).await?;
        let (Some(document), Some(found)) = (&seen.document, &seen.found) else { return Ok(()) };
        if let Err(refusal) = found {
            return Err(refusal.clone().into());
        }
        if self.format.read(document.content.expose_secret())?.is_none() {
            return Ok(()); // a document of another owner, without a login of regcred
        }
        match self.format.remove(document.content.expose_secret())? {
            Some(rest) => self.store.store(&target.address, rest, Some(&document.version)).await,
            None => self.store.delete(&target.address, &document.version).await,
        }
    }
}
