//! Which types the config may name.

use std::{collections::BTreeMap, fmt, pin::Pin, sync::Arc};

use regcred_config::{Problem, Spec};
use regcred_core::{RegistryProvider, Result};

/// What this crate brings along.
pub(crate) const ECR: &str = "ecr";

type Making = Pin<Box<dyn Future<Output = Result<Arc<dyn RegistryProvider>>> + Send>>;
type Factory = Arc<dyn Fn(&Spec) -> Result<Making, Problem> + Send + Sync>;

/// The types that entries of `providers:` may have: `ecr`, and those that a distribution of regcred adds.
///
/// ```
/// use regcred::{Types, core::RegistryProvider};
/// use serde::Deserialize;
/// # use regcred::core::{RegistryCredential, Result};
/// # #[derive(Debug)]
/// # struct Quay { robot: String }
/// # #[async_trait::async_trait]
/// # impl RegistryProvider for Quay {
/// #     async fn credential(&self) -> Result<RegistryCredential> { unimplemented!() }
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
    /// Adds a type of provider. `make` first reads the options, whenever a config is checked, and says what is wrong with them; the
    /// future that it returns makes the provider, and runs only if a target needs it.
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

    /// Reads the options of a provider that is not built in. The problem, if its type is not known or its options are wrong.
    pub(crate) fn provider(&self, spec: &Spec) -> Result<Making, Problem> {
        if let Some(factory) = self.providers.get(spec.kind()) {
            return factory(spec);
        }
        let known = self.providers().collect::<Vec<_>>().join(", ");
        let message = format!("{:?} is no type of provider; known are {known}", spec.kind());
        Err(spec.problem("type", message))
    }
}

impl fmt::Debug for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Types").field("providers", &self.providers().collect::<Vec<_>>()).finish()
    }
}
