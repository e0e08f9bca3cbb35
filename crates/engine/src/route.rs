//! Which providers go into which sink, for which targets.

use std::sync::Arc;

use regcred_core::{ProviderName, SecretSink, TargetSource};

/// These providers, into this sink, for these targets.
#[derive(Clone, Debug)]
pub struct Route {
    /// What its owner calls it, in logs: `targets[2]`.
    pub name: String,
    /// By name, in the order of the configuration.
    pub providers: Vec<ProviderName>,
    /// Which targets.
    pub source: Arc<dyn TargetSource>,
    /// Where to.
    pub sink: Arc<dyn SecretSink>,
    /// Routes before this one, by their place, that may name the same targets: it waits until these have named theirs, and
    /// touches nothing while they cannot. Without, whoever is first to name a target has it until an earlier route does.
    pub yields_to: Vec<usize>,
}
