//! Routes: which providers write to which sink, for which targets.

use std::sync::Arc;

use regcred_core::{ProviderName, SecretSink, TargetSource};

/// The providers and the sink for the targets of one source.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Route {
    /// The name of the route in logs, such as `targets[2]`.
    pub name: String,
    /// The providers by name, in the order of the configuration.
    pub providers: Vec<ProviderName>,
    /// The source of its targets.
    pub source: Arc<dyn TargetSource>,
    /// The sink of its targets.
    pub sink: Arc<dyn SecretSink>,
    /// Earlier routes, by index, that may have the same targets. This route waits for the targets of those routes, and
    /// writes nothing before it knows them. Empty: if several routes have a target, the first route that sends it owns
    /// it until an earlier route sends it.
    pub yields_to: Vec<usize>,
}

impl Route {
    /// Creates a route that yields to no other.
    pub fn new(
        name: impl Into<String>,
        providers: impl IntoIterator<Item = ProviderName>,
        source: impl TargetSource,
        sink: impl SecretSink,
    ) -> Self {
        let (source, sink) = (Arc::new(source), Arc::new(sink));
        Self { name: name.into(), providers: providers.into_iter().collect(), source, sink, yields_to: vec![] }
    }

    /// Sets the providers.
    #[must_use]
    pub fn with_providers(self, providers: impl IntoIterator<Item = ProviderName>) -> Self {
        Self { providers: providers.into_iter().collect(), ..self }
    }

    /// Sets the sink.
    #[must_use]
    pub fn with_sink(self, sink: impl SecretSink) -> Self {
        Self { sink: Arc::new(sink), ..self }
    }

    /// Sets the earlier routes that may have the same targets.
    #[must_use]
    pub fn with_yields_to(self, routes: Vec<usize>) -> Self {
        Self { yields_to: routes, ..self }
    }
}
