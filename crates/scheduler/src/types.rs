//! The types that the config may name.

use std::{
    collections::BTreeMap,
    fmt,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use regcred_config::{
    AccountLink, CLUSTERS, LinkName, OpenShiftOptions, Origin, Partial, Problem, Problems, SecretSettings, Spec,
};
use regcred_core::{
    Address, Error, ErrorKind, Issuer, Namespace, RegistryCredential, RegistryProvider, Result, Scope, SecretSink,
    StoreName, Target, TargetSource,
};
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, OnceCell};

use crate::group::{Accounts, Group, Places, Selected};

/// The type of the provider in this crate.
pub(crate) const ECR: &str = "ecr";

type Making<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;
type ProviderFactory = Arc<dyn Fn(&Spec) -> Result<Making<Arc<dyn RegistryProvider>>, Problems> + Send + Sync>;
type SinkFactory = Arc<dyn Fn(&Spec, &[SinkEntry]) -> Result<Making<Vec<Kept>>, Problems> + Send + Sync>;

/// A source of targets, and the sink that keeps them.
pub type Kept = (Arc<dyn TargetSource>, Arc<dyn SecretSink>);

/// The types that entries of `providers:` and `sinks:` may have: `ecr` and `openshift`, and those that a distribution of
/// regcred adds.
///
/// ```
/// use regcred::{Types, core::RegistryProvider};
/// use serde::Deserialize;
/// # use regcred::core::{Error, ErrorKind, RegistryCredential, Result};
/// # #[derive(Debug)]
/// # struct Quay { robot: String }
/// # #[async_trait::async_trait]
/// # impl RegistryProvider for Quay {
/// #     async fn credential(&self) -> Result<RegistryCredential> {
/// #         Err(Error::new(ErrorKind::Unreachable, format!("{} was not asked", self.robot)))
/// #     }
/// # }
///
/// #[derive(Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Options { robot: String }
///
/// let types = Types::default().with_provider("quay", |spec| {
///     let Options { robot } = spec.options()?;    // what is wrong is told with its file and line
///     Ok(async { Ok(Quay { robot }) })
/// });
/// ```
#[derive(Clone, Default)]
pub struct Types {
    providers: BTreeMap<String, ProviderFactory>,
    sinks: BTreeMap<String, SinkFactory>,
    log_targets: Vec<String>,
}

/// A task for a sink: Secrets with one name and the same settings.
#[derive(Clone, Debug)]
pub struct SinkEntry {
    /// The name of the sink in the config. It is part of each address.
    pub store: StoreName,
    /// The namespaces that the config names.
    pub namespaces: Vec<Namespace>,
    /// The selection of further namespaces in the store. `None`: no others.
    pub selection: Option<Choice>,
    /// The settings of each Secret.
    pub secret: SecretSettings,
    /// The ServiceAccounts that use it. `None`: the default ones, if the store has such a thing.
    pub accounts: Option<Vec<AccountLink>>,
    /// The keys of the target that only this type of sink understands, such as `path`: see [`SinkEntry::options`]. They say where the
    /// target is if the entry has no namespace.
    pub options: Option<Spec>,
    /// The place of the first entry in the config that asks for it.
    pub origin: Origin,
}

/// Namespaces by name and labels.
#[derive(Clone, Debug)]
pub struct Choice(Selected);

impl Choice {
    /// Whether a namespace with these labels is one of them.
    pub fn takes(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        self.0.takes(namespace, labels)
    }
}

/// As the config says it.
impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.selection.fmt(f)
    }
}

impl SinkEntry {
    /// `adopt`: what others made is taken over wherever it is.
    pub(crate) fn of(group: &Group, adopt: bool) -> Self {
        let selection = match &group.places {
            Places::Named(_) => None,
            Places::Selected(selected) => Some(Choice(selected.clone())),
        };
        let accounts = match &group.need.accounts {
            Accounts::These(accounts) => Some(accounts.clone()),
            Accounts::Usual => None,
            // A login that pushes is for nobody else.
            Accounts::Builders => {
                let link = vec![LinkName::Pull, LinkName::Mount];
                let builder = |name: &str| AccountLink { name: name.into(), link: link.clone() };
                Some(["builder", "pipeline"].map(builder).into())
            }
        };
        let secret = group.need.secret.clone();
        let secret = SecretSettings { adopt: secret.adopt || (adopt && !secret.merge.is_on()), ..secret };
        Self {
            store: group.need.store.clone(),
            namespaces: group.places.named().to_vec(),
            selection,
            secret,
            accounts,
            options: group.need.options.clone(),
            origin: group.origin.clone(),
        }
    }

    /// Reads the keys of the target that only this type of sink understands. A type that denies unknown fields reports each of them by its
    /// key, file and line.
    pub fn options<T: DeserializeOwned>(&self) -> Result<T, Problems> {
        let none = || Problem::at(self.origin.clone(), "this sink has no options for a target");
        self.options.as_ref().ok_or_else(none)?.options()
    }

    /// The targets in the namespaces that are named; they are a source. A sink that cannot choose namespaces has a problem where
    /// a selection is.
    pub fn targets(&self) -> Result<Vec<Target>, Problem> {
        if let Some(selection) = &self.selection {
            let message = format!("this sink has no namespaces to choose from: name them instead of {selection}");
            return Err(Problem::at(self.origin.join("namespaces"), message));
        }
        let (store, name) = (&self.store, &self.secret.name);
        let target =
            |namespace: &Namespace| Target::new(store.clone(), Address::secret(namespace.clone(), name.clone()));
        Ok(self.namespaces.iter().map(target).collect())
    }
}

impl Types {
    /// Adds a type of provider. Its options are digested into annotations that tenants read: they name files of secrets, and hold
    /// none. `make` reads the options, says what is wrong with them, and asks nobody: it is called whenever a
    /// config is checked. The future that it returns makes the provider. It runs when the first credential is wanted; where it
    /// fails, that mint fails, and the next one makes the provider anew.
    ///
    /// # Panics
    ///
    /// If there is such a type already.
    #[must_use]
    pub fn with_provider<P, M>(
        mut self,
        kind: impl Into<String>,
        make: impl Fn(&Spec) -> Result<M, Problems> + Send + Sync + 'static,
    ) -> Self
    where
        P: RegistryProvider,
        M: Future<Output = Result<P>> + Send + 'static,
    {
        let kind = kind.into();
        assert!(!self.providers().any(|known| known == kind), "there is a type {kind} already");
        let factory = move |spec: &Spec| {
            let making = make(spec)?;
            Ok(Box::pin(async { Ok(Arc::new(making.await?) as Arc<dyn RegistryProvider>) }) as Making<_>)
        };
        self.providers.insert(kind, Arc::new(factory));
        self
    }

    /// Adds a type of sink. `make` reads the options and what is to be kept, says what is wrong with either, and asks nobody: it
    /// is called whenever a config is checked. The future that it returns makes, for each entry and in their order, which targets
    /// there are and what keeps them. Where it fails, the targets of that sink are not known, and those of others go on.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use regcred::{Kept, SinkEntry, Types};
    /// # use regcred::core::{Applied, CredentialSet, Observed, Result, SecretSink, Target, Written};
    /// # use serde::Deserialize;
    /// # #[derive(Clone, Debug)]
    /// # struct Vault { path: String }
    /// # #[async_trait::async_trait]
    /// # impl SecretSink for Vault {
    /// #     async fn observe(&self, _: &Target) -> Result<Observed> { Ok(Observed::absent()) }
    /// #     async fn apply(&self, _: &Target, _: &Observed, _: &CredentialSet) -> Result<Applied> { Ok(Applied::new(Written::Created)) }
    /// #     async fn remove(&self, _: &Target) -> Result<()> { Ok(()) }
    /// # }
    /// # #[derive(Deserialize)]
    /// # #[serde(deny_unknown_fields)]
    /// # struct Options { path: String }
    ///
    /// let types = Types::default().with_sink("vault", |spec, entries| {
    ///     let Options { path } = spec.options()?;
    ///     let targets = entries.iter().map(SinkEntry::targets).collect::<Result<Vec<_>, _>>()?;
    ///     Ok(async {
    ///         let vault = Arc::new(Vault { path });
    ///         Ok(targets.into_iter().map(|targets| -> Kept { (Arc::new(targets), vault.clone()) }).collect())
    ///     })
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// If there is such a type already.
    #[must_use]
    pub fn with_sink<M>(
        mut self,
        kind: impl Into<String>,
        make: impl Fn(&Spec, &[SinkEntry]) -> Result<M, Problems> + Send + Sync + 'static,
    ) -> Self
    where
        M: Future<Output = Result<Vec<Kept>>> + Send + 'static,
    {
        let kind = kind.into();
        assert!(!self.sinks().any(|known| known == kind), "there is a type {kind} already");
        let factory = move |spec: &Spec, entries: &[SinkEntry]| Ok(Box::pin(make(spec, entries)?) as Making<_>);
        self.sinks.insert(kind, Arc::new(factory));
        self
    }

    /// Lets the binary print what a crate logs, by the crate's name as in `use`: `my_provider`. Default: it prints what the crates of
    /// regcred log and nothing else, at any level, because a library can log the secrets that it handles.
    #[must_use]
    pub fn with_log_target(mut self, crate_name: impl Into<String>) -> Self {
        self.log_targets.push(crate_name.into());
        self
    }

    /// The crates of [`Types::with_log_target`].
    #[cfg(feature = "cli")]
    pub(crate) fn log_targets(&self) -> &[String] {
        &self.log_targets
    }

    /// Every type of provider.
    fn providers(&self) -> impl Iterator<Item = &str> {
        std::iter::once(ECR).chain(self.providers.keys().map(String::as_str))
    }

    /// Every type of sink.
    fn sinks(&self) -> impl Iterator<Item = &str> {
        CLUSTERS.into_iter().chain(self.sinks.keys().map(String::as_str))
    }

    /// The problem, if the type of a provider is not known or its options are wrong.
    pub(crate) fn check_provider(&self, spec: &Spec) -> Result<(), Problems> {
        self.make(spec).map(drop)
    }

    /// A provider that is made when it is first asked.
    pub(crate) fn provider(&self, spec: Spec) -> impl RegistryProvider {
        Lazy { types: self.clone(), spec, made: OnceCell::new(), is_made: Notify::new() }
    }

    fn make(&self, spec: &Spec) -> Result<Making<Arc<dyn RegistryProvider>>, Problems> {
        match self.providers.get(spec.kind()) {
            Some(factory) => factory(spec),
            None => Err(unknown(spec, "provider", self.providers()).into()),
        }
    }

    /// The problem, if the type of a sink is not known, or its options or what it is to keep are wrong.
    pub(crate) fn check_sink(&self, spec: &Spec, entries: &[SinkEntry]) -> Result<(), Problems> {
        if CLUSTERS.contains(&spec.kind()) {
            let Partial { value, mut problems, .. } = spec.partial::<OpenShiftOptions>(&[]);
            let server = value.and_then(|options| options.server);
            let fault = server.and_then(|server| regcred_openshift::check_server(&server).err());
            problems.extend(fault.map(|why| spec.problem("server", why)));
            return Problems::check(problems);
        }
        self.sink(spec, entries).map(drop)
    }

    /// Returns the future that makes a source and a sink for each of these entries.
    pub(crate) fn sink(&self, spec: &Spec, entries: &[SinkEntry]) -> Result<Making<Vec<Kept>>, Problems> {
        match self.sinks.get(spec.kind()) {
            Some(factory) => factory(spec, entries),
            None => Err(unknown(spec, "sink", self.sinks()).into()),
        }
    }
}

fn unknown<'a>(spec: &Spec, what: &str, known: impl Iterator<Item = &'a str>) -> Problem {
    let known = known.collect::<Vec<_>>().join(", ");
    spec.problem("type", format!("{:?} is no type of {what}; known are {known}", spec.kind()))
}

/// Under the deadline of whoever wants its credential, and a failure of that credential alone.
#[derive(Debug)]
struct Lazy {
    types: Types,
    spec: Spec,
    made: OnceCell<Arc<dyn RegistryProvider>>,
    is_made: Notify,
}

#[async_trait]
impl RegistryProvider for Lazy {
    async fn credential(&self) -> Result<RegistryCredential> {
        let make = async || {
            let making = self.types.make(&self.spec);
            making.map_err(|problem| Error::new(ErrorKind::Invalid, problem.to_string()))?.await
        };
        let provider = self.made.get_or_try_init(make).await?;
        self.is_made.notify_waiters();
        provider.credential().await
    }

    /// Unknown before the first credential, because the options alone do not say it.
    fn scope(&self) -> Scope {
        self.made.get().map_or(Scope::Unknown, RegistryProvider::scope)
    }

    async fn changed(&self) {
        let mut is_made = pin!(self.is_made.notified());
        is_made.as_mut().enable(); // so that it misses no provider that is made from here on
        if self.made.get().is_none() {
            is_made.await;
        }
        match self.made.get() {
            Some(made) => made.changed().await,
            None => std::future::pending().await,
        }
    }

    fn longest_life(&self) -> Option<Duration> {
        self.made.get()?.longest_life()
    }

    async fn issuer(&self) -> Option<Issuer> {
        self.made.get()?.issuer().await
    }
}

impl fmt::Debug for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Types")
            .field("providers", &self.providers().collect::<Vec<_>>())
            .field("sinks", &self.sinks().collect::<Vec<_>>())
            .finish()
    }
}
