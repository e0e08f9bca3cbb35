//! The type `secret` of an entry of `providers:`.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use regcred_config::{Origin, Problems, TypeGrammar, maybe_parsed, parsed, registries};
use regcred_core::{
    Clock, Issuer, Namespace, Registry, RegistryCredential, RegistryProvider, Result, Scope, SecretName, StoreName,
    SystemClock,
};
use regcred_plan::{ProviderPlan, ProviderType, async_trait};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::select;

use super::clusters::{Clusters, ReadFrom};
use crate::SecretProvider;

/// Logins in a Secret that another program or a person keeps.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretOptions {
    /// Namespace of the Secret. Outside of the namespace of regcred, the annotation `regcred.dev/allow-copy` of the Secret
    /// must name this `instance`.
    #[serde(deserialize_with = "parsed")]
    #[schemars(with = "String")]
    pub namespace: Namespace,
    /// Name of the Secret. Its type is `kubernetes.io/dockerconfigjson`, `kubernetes.io/dockercfg` or
    /// `kubernetes.io/basic-auth`.
    #[serde(deserialize_with = "parsed")]
    #[schemars(with = "String")]
    pub name: SecretName,
    /// Registries whose logins are copied, such as `docker.io`. Required for a Secret of type
    /// `kubernetes.io/basic-auth`. Default: every registry of the Secret.
    #[serde(default, deserialize_with = "registries")]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub registries: Vec<Registry>,
    /// Name of the entry of `sinks:` whose cluster has the Secret. Default: the only cluster.
    #[serde(default, deserialize_with = "maybe_parsed")]
    #[schemars(with = "Option<String>")]
    pub sink: Option<StoreName>,
}

/// The type `secret`: logins that are copied from a Secret. Its options are [`SecretOptions`].
#[derive(Debug)]
pub struct SecretType {
    clusters: Clusters,
    clock: Arc<dyn Clock>,
}

impl SecretType {
    /// Creates the type with these connections. They must be those of the type
    /// [`OpenShiftType`](crate::OpenShiftType). They may be connected later.
    pub fn new(clusters: Clusters) -> Self {
        Self { clusters, clock: Arc::new(SystemClock) }
    }

    /// Sets the clock that the times of Secrets are compared with. Default: the clock of the machine.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }
}

#[async_trait]
impl ProviderType for SecretType {
    const NAME: &'static str = "secret";
    type Options = SecretOptions;

    fn plan(&self, options: &SecretOptions, _: &Origin) -> Result<ProviderPlan, Problems> {
        let SecretOptions { namespace, name, sink, .. } = options.clone();
        Ok(ProviderPlan::new(scope(options)).with_cluster_read(sink, namespace, name))
    }

    async fn make(&self, options: SecretOptions) -> Result<Arc<dyn RegistryProvider>> {
        let (clusters, clock) = (self.clusters.clone(), self.clock.clone());
        Ok(Arc::new(Reconnecting { clusters, clock, options, latest: Mutex::default() }))
    }

    fn grammar(&self) -> TypeGrammar {
        TypeGrammar::new::<SecretOptions>(Self::NAME)
            .with_example("{ type: secret, namespace: regcred, name: hub }")
            .with_public(&["namespace", "name", "registries", "sink"])
    }
}

fn scope(options: &SecretOptions) -> Scope {
    if options.registries.is_empty() { Scope::Unknown } else { Scope::Exact(options.registries.clone()) }
}

/// A provider that follows its Secret across reloads, which connect to the clusters again and may rename the
/// installation.
struct Reconnecting {
    clusters: Clusters,
    clock: Arc<dyn Clock>,
    options: SecretOptions,
    latest: Mutex<Latest>,
}

/// The latest use of the connections.
#[derive(Clone, Default)]
struct Latest {
    /// 0: they were not used yet.
    generation: u64,
    /// `None`: the cluster was not connected.
    provider: Option<Arc<SecretProvider>>,
}

impl Reconnecting {
    fn provider(&self) -> Result<Arc<SecretProvider>> {
        let SecretOptions { namespace, name, registries, sink } = &self.options;
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let ReadFrom { cluster, instance, generation } = self.clusters.read_from(sink.as_ref());
        if let Some(provider) = latest.provider.as_ref().filter(|_| latest.generation == generation) {
            return Ok(provider.clone());
        }
        let provider = cluster.map(|cluster| {
            let provider = SecretProvider::new(&cluster, namespace.clone(), name.clone(), self.clock.clone());
            Arc::new(provider.with_registries(registries.iter().cloned()).with_instance(instance))
        });
        *latest = Latest { generation, provider: provider.as_ref().ok().cloned() };
        provider
    }

    fn latest(&self) -> Latest {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl RegistryProvider for Reconnecting {
    async fn credential(&self) -> Result<RegistryCredential> {
        self.provider()?.credential().await
    }

    fn scope(&self) -> Scope {
        scope(&self.options)
    }

    async fn changed(&self) {
        let Latest { generation, provider } = self.latest();
        let changed = async {
            match provider {
                Some(provider) => provider.changed().await,
                None => std::future::pending().await,
            }
        };
        select! {
            () = changed => {}
            () = self.clusters.differ_from(generation) => {
                // Otherwise the next call would complete at once if no mint follows.
                self.provider().ok();
            }
        }
    }

    async fn issuer(&self) -> Option<Issuer> {
        self.provider().ok()?.issuer().await
    }
}

impl fmt::Debug for Reconnecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnecting").field("options", &self.options).finish_non_exhaustive()
    }
}
