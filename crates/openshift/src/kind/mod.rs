//! The types `openshift` and `kubernetes` of an entry of `sinks:`, and the type `secret` of an entry of `providers:`.

mod clusters;
mod listed;
mod options;
mod secret;
mod sinks;

use regcred_config::{Origin, Partial, Problem, Problems, Spec, TypeGrammar, keys};
use regcred_core::{Code, Result};
use regcred_plan::{NoOptions, Run, SinkPlan, SinkTarget, SinkType, SourceAndSink, async_trait};

use self::sinks::Sinks;
pub use self::{
    clusters::Clusters,
    listed::listed,
    options::OpenShiftOptions,
    secret::{SecretOptions, SecretType},
};
use crate::{check_server, codes};

/// The type `openshift`, also named `kubernetes`: Secrets in a cluster. Its options are [`OpenShiftOptions`].
#[derive(Clone, Debug, Default)]
pub struct OpenShiftType {
    clusters: Clusters,
}

impl OpenShiftType {
    /// Creates the type with these connections. A sink without one connects as its options specify.
    pub fn new(clusters: Clusters) -> Self {
        Self { clusters }
    }

    /// Returns its connections, which all clones share.
    pub fn clusters(&self) -> Clusters {
        self.clusters.clone()
    }
}

#[async_trait]
impl SinkType for OpenShiftType {
    const NAME: &'static str = "openshift";
    const ALIASES: &'static [&'static str] = &["kubernetes"];
    type Options = OpenShiftOptions;
    type TargetOptions = NoOptions;

    fn read(&self, entry: &Spec) -> Result<OpenShiftOptions, Problems> {
        let Partial { value, mut problems, .. } = entry.partial::<OpenShiftOptions>(&[]);
        let server = value.as_ref().and_then(|options| options.server.as_ref());
        problems.extend(server.and_then(|it| check_server(it).err()).map(|why| entry.problem("server", why)));
        Problems::check(problems)?;
        value.ok_or_else(|| Problem::at(entry.origin().clone(), "its options cannot be read").into())
    }

    fn codes(&self) -> &'static [&'static Code] {
        codes::CODES
    }

    fn grammar(&self) -> TypeGrammar {
        TypeGrammar::new::<OpenShiftOptions>(Self::NAME).with_target_keys(keys::<NoOptions>(), "").with_public(&[
            "kubeconfig",
            "context",
            "server",
        ])
    }

    fn plan(&self, options: &OpenShiftOptions, _: &[SinkTarget<NoOptions>], _: &Origin) -> Result<SinkPlan, Problems> {
        let is_own = options.kubeconfig.is_none() && options.context.is_none();
        let plan = SinkPlan::default().with_cluster(is_own, options.server.is_some());
        Ok(match &options.kubeconfig {
            Some(file) => plan.with_file("kubeconfig", file),
            None => plan,
        })
    }

    async fn make(
        &self,
        options: OpenShiftOptions,
        targets: Vec<SinkTarget<NoOptions>>,
        run: &Run,
    ) -> Result<Vec<SourceAndSink>> {
        self.clusters.set_instance(run.instance.clone());
        let cluster = self.clusters.get_or_connect(&run.store, &options).await?;
        Ok(Sinks::new(cluster, &targets, run).make(&targets))
    }
}
