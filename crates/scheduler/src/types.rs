//! Which types the config may name.

use std::{collections::BTreeMap, fmt, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use regcred_config::{Problem, Spec};
use regcred_core::{Error, ErrorKind, RegistryCredential, RegistryProvider, Result};
use tokio::sync::OnceCell;

/// What this crate brings along.
pub(crate) const ECR: &str = "ecr";

type Making = Pin<Box<dyn Future<Output = Result<Arc<dyn RegistryProvider>>> + Send>>;
type Factory = Arc<dyn Fn(&Spec) -> Result<Making, Problem> + Send + Sync>;

/// The types that entries of `providers:` may have: `ecr`, and those that a distribution of regcred adds.
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
    providers: BTreeMap<String, Factory>,
}

impl Types {
    /// Adds a type of provider. `make` reads the options, says what is wrong with them, and asks nobody: it is called whenever a
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
        make: impl Fn(&Spec) -> Result<M, Problem> + Send + Sync + 'static,
    ) -> Self
    where
        P: RegistryProvider,
        M: Future<Output = Result<P>> + Send + 'static,
    {
        let kind = kind.into();
        assert!(!self.providers().any(|known| known == kind), "there is a type {kind} already");
        let factory = move |spec: &Spec| {
            let making = make(spec)?;
            Ok(Box::pin(async { Ok(Arc::new(making.await?) as Arc<dyn RegistryProvider>) }) as Making)
        };
        self.providers.insert(kind, Arc::new(factory));
        self
    }

    /// Every type of provider.
    fn providers(&self) -> impl Iterator<Item = &str> {
        std::iter::once(ECR).chain(self.providers.keys().map(String::as_str))
    }

    /// The problem, if the type of a provider is not known or its options are wrong.
    pub(crate) fn check(&self, spec: &Spec) -> Result<(), Problem> {
        self.make(spec).map(drop)
    }

    /// A provider that is made when it is first asked.
    pub(crate) fn provider(&self, spec: Spec) -> impl RegistryProvider {
        Lazy { types: self.clone(), spec, made: OnceCell::new() }
    }

    fn make(&self, spec: &Spec) -> Result<Making, Problem> {
        if let Some(factory) = self.providers.get(spec.kind()) {
            return factory(spec);
        }
        let known = self.providers().collect::<Vec<_>>().join(", ");
        Err(spec.problem("type", format!("{:?} is no type of provider; known are {known}", spec.kind())))
    }
}

/// Under the deadline of whoever wants its credential, and a failure of that credential alone.
#[derive(Debug)]
struct Lazy {
    types: Types,
    spec: Spec,
    made: OnceCell<Arc<dyn RegistryProvider>>,
}

#[async_trait]
impl RegistryProvider for Lazy {
    async fn credential(&self) -> Result<RegistryCredential> {
        let make = async || {
            let making = self.types.make(&self.spec);
            making.map_err(|problem| Error::new(ErrorKind::Invalid, problem.to_string()))?.await
        };
        self.made.get_or_try_init(make).await?.credential().await
    }

    fn longest_life(&self) -> Option<Duration> {
        self.made.get()?.longest_life()
    }
}

impl fmt::Debug for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Types").field("providers", &self.providers().collect::<Vec<_>>()).finish()
    }
}
