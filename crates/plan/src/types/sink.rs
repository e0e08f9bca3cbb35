//! A type of sink.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc, time::Duration};

use regcred_config::{Origin, Problem, Problems, SecretSettings, Selection, Spec, TypeGrammar, keys};
use regcred_core::{
    Address, Clock, Code, InstanceName, Namespace, Result, Scope, SecretSink, StoreName, Target, TargetSource,
    async_trait,
};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};

use super::provider::NeededFile;
use crate::{codes, group::Selected, links::ServiceAccountLink};

/// A source of targets, and the sink that keeps them.
pub type SourceAndSink = (Arc<dyn TargetSource>, Arc<dyn SecretSink>);

/// A type of sink that entries of `sinks:` can name.
///
/// The built-in types implement this trait too. An entry of `targets:` can have options that only its type of sink
/// understands, such as the path of a file.
#[async_trait]
pub trait SinkType: Send + Sync + 'static {
    /// The value of `type:`.
    const NAME: &'static str;
    /// Additional values of `type:`. Default: none.
    const ALIASES: &'static [&'static str] = &[];

    /// The options of an entry of `sinks:`. Use `#[serde(deny_unknown_fields)]`.
    type Options: DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static;
    /// The options of an entry of `targets:` with this sink: [`NoOptions`], or a type with
    /// `#[serde(deny_unknown_fields)]`.
    type TargetOptions: DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static;

    /// Reads the options of an entry. Override it to report problems beyond those of form. Default: [`Spec::options`].
    fn read(&self, entry: &Spec) -> Result<Self::Options, Problems> {
        entry.options()
    }

    /// Returns the keys of its options, and those that it adds to an entry of `targets:`. Default: the keys of
    /// [`TargetOptions`](SinkType::TargetOptions).
    fn grammar(&self) -> TypeGrammar {
        TypeGrammar::new::<Self::Options>(Self::NAME).with_target_keys(keys::<Self::TargetOptions>(), "")
    }

    /// Returns the codes of its failures, for `regcred explain`. Default: none.
    fn codes(&self) -> &'static [&'static Code] {
        &[]
    }

    /// Returns what a sink needs, or every problem of its options and of its targets at once. It makes no request.
    /// Default: no needs and no problem.
    fn plan(
        &self,
        options: &Self::Options,
        targets: &[SinkTarget<Self::TargetOptions>],
        at: &Origin,
    ) -> Result<SinkPlan, Problems> {
        let _ = (options, targets, at);
        Ok(SinkPlan::default())
    }

    /// Creates a source and a sink for each of these targets, in order. If it fails, only the targets of this sink
    /// fail.
    async fn make(
        &self,
        options: Self::Options,
        targets: Vec<SinkTarget<Self::TargetOptions>>,
        run: &Run,
    ) -> Result<Vec<SourceAndSink>>;
}

/// The options of a target whose type of sink has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoOptions {}

/// The needs of a sink, as far as its options show.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SinkPlan {
    /// The Kubernetes cluster that the sink writes to. `None`: the sink is not a cluster.
    pub cluster: Option<ClusterPlan>,
    /// The files that its options name.
    pub files: Vec<NeededFile>,
    /// The hosts and ports that the pod connects to.
    pub egress: Vec<String>,
}

/// A sink that is a Kubernetes cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterPlan {
    /// Whether it is the cluster that regcred runs in, because no kubeconfig is named.
    pub is_own: bool,
    /// Whether the config names the address of its API server.
    pub has_server: bool,
}

/// The context in which a sink is created.
#[derive(Clone)]
#[non_exhaustive]
pub struct Run {
    /// The name of the sink in the config.
    pub store: StoreName,
    /// The name of this installation. A sink records it as the owner of what it writes.
    pub instance: InstanceName,
    /// The previous name of this installation, whose targets are taken over.
    pub previous_instance: Option<InstanceName>,
    /// The interval at which a daemon reads a target that cannot be watched. `None`: one pass.
    pub watching: Option<Duration>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// Targets that a sink keeps with the same settings: one entry of `targets:`, or several united ones.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SinkTarget<O> {
    /// The name of the sink in the config. It is part of each address.
    pub store: StoreName,
    /// The namespaces that the config names. Empty if the options give the place.
    pub namespaces: Vec<Namespace>,
    /// The selection of other namespaces in the store. `None`: no others.
    pub selection: Option<Choice>,
    /// The settings of each Secret.
    pub secret: SecretSettings,
    /// The ServiceAccounts that use it, if the store has ServiceAccounts.
    pub accounts: Vec<ServiceAccountLink>,
    /// The registries that its logins open, per provider. [`Scope::Unknown`] if only the provider's answer names them.
    pub scopes: Vec<Scope>,
    /// The keys of the target that only this type of sink understands.
    pub options: O,
    /// The place of the first entry in the config that asks for it.
    pub origin: Origin,
}

/// A selection of namespaces by name and labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice(pub(crate) Selected);

impl Choice {
    /// Returns the selection of the config. It ignores the namespaces that the same entries name, and the restriction
    /// of the command line.
    pub fn selection(&self) -> &Selection {
        &self.0.selection
    }

    /// Returns whether a namespace with these labels is selected.
    pub fn takes(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        self.0.takes(namespace, labels)
    }
}

/// Formats the selection as in the config.
impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.selection.fmt(f)
    }
}

/// Creates one sink for all targets. Each target is at the address that its options describe.
pub fn fixed_targets<O>(
    sink: Arc<dyn SecretSink>,
    targets: &[SinkTarget<O>],
    address: impl Fn(&O) -> Address,
) -> Vec<SourceAndSink> {
    let source = |target: &SinkTarget<O>| Arc::new(vec![target.at(address(&target.options))]) as Arc<dyn TargetSource>;
    targets.iter().map(source).zip(std::iter::repeat(sink)).collect()
}

impl<O> SinkTarget<O> {
    /// Returns one target in each namespace that the config names, with the name of its Secret. Fails if the entry
    /// selects namespaces, because this sink cannot list them.
    pub fn in_namespaces(&self) -> Result<Vec<Target>, Problem> {
        if let Some(selection) = &self.selection {
            let message = format!("this sink has no namespaces to choose from: name them instead of {selection}");
            return Err(Problem::at(self.origin.join("namespaces"), message).with_code(&codes::NO_NAMESPACES));
        }
        let (store, name) = (&self.store, &self.secret.name);
        let target =
            |namespace: &Namespace| Target::new(store.clone(), Address::secret(namespace.clone(), name.clone()));
        Ok(self.namespaces.iter().map(target).collect())
    }

    /// Returns the target at an address that the options describe.
    pub fn at(&self, address: Address) -> Target {
        Target::new(self.store.clone(), address)
    }

    pub(crate) fn with_options<T>(self, options: T) -> SinkTarget<T> {
        let Self { store, namespaces, selection, secret, accounts, scopes, origin, options: _ } = self;
        SinkTarget { store, namespaces, selection, secret, accounts, scopes, options, origin }
    }
}

impl SinkPlan {
    /// Marks the sink as a Kubernetes cluster, for which `manifests` prints RBAC rules.
    ///
    /// `is_own`: the cluster that regcred runs in. `has_server`: the config names the address of its API server.
    #[must_use]
    pub fn with_cluster(self, is_own: bool, has_server: bool) -> Self {
        Self { cluster: Some(ClusterPlan { is_own, has_server }), ..self }
    }

    /// Adds a file that the option `key` names, such as a kubeconfig. `manifests` refuses a pod that mounts nothing
    /// there.
    #[must_use]
    pub fn with_file(mut self, key: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.files.push(NeededFile { key: key.into(), path: path.into() });
        self
    }

    /// Adds a host and port that the pod connects to.
    #[must_use]
    pub fn with_egress(mut self, host: impl Into<String>) -> Self {
        self.egress.push(host.into());
        self
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("store", &self.store)
            .field("instance", &self.instance)
            .field("previous_instance", &self.previous_instance)
            .field("watching", &self.watching)
            .finish_non_exhaustive()
    }
}
