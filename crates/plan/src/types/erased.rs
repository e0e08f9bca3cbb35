//! Types of providers and sinks with erased options, so that they fit into one map.

use std::{any::Any, fmt, sync::Arc, time::SystemTime};

use regcred_config::{Problem, Problems, Spec, TypeGrammar};
use regcred_core::{Code, Error, ErrorKind, RegistryProvider, Result, async_trait};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{
    identity::{ChosenIdentity, Identities, PodIdentity, PodSite, Policies},
    provider::{Inline, Probe, ProviderPlan, ProviderType},
    sink::{Run, SinkPlan, SinkTarget, SinkType, SourceAndSink},
};
use crate::finding::Finding;

/// The options of an entry, as its type parsed them.
#[derive(Clone)]
pub(crate) struct Options(Arc<dyn Any + Send + Sync>);

impl Options {
    fn new<T: Send + Sync + 'static>(options: T) -> Self {
        Self(Arc::new(options))
    }

    /// Returns the options. They were read by the same type.
    fn get<T: Clone + 'static>(&self) -> Result<T> {
        self.0
            .downcast_ref::<T>()
            .cloned()
            .ok_or_else(|| Error::new(ErrorKind::Bug, "cannot use the options").with_cause("they have another type"))
    }
}

/// Hides the options, because they may be secret.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Options")
    }
}

/// See [`ProviderType`].
#[async_trait]
pub(crate) trait AnyProviderType: Send + Sync {
    fn plan(&self, entry: &Spec) -> Result<(Options, ProviderPlan), Problems>;
    async fn make(&self, options: &Options) -> Result<Arc<dyn RegistryProvider>>;
    fn inline(&self, keys: &Spec) -> Result<Inline<Options>, Problems>;
    async fn probe(&self, entries: Vec<Probe<Options>>) -> Option<Vec<Finding>>;
    fn identities(&self) -> Identities;
    fn pod_identity(
        &self,
        entries: Vec<Probe<Options>>,
        chosen: &ChosenIdentity,
        site: &PodSite,
    ) -> Result<PodIdentity, Problems>;
    fn policies(
        &self,
        entries: Vec<Probe<Options>>,
        chosen: &ChosenIdentity,
        site: &PodSite,
    ) -> Option<Result<Policies, Problems>>;
    fn reload(&self);
    fn service(&self) -> &'static str;
    fn codes(&self) -> &'static [&'static Code];
    fn server_time(&self) -> Option<SystemTime>;
    fn grammar(&self) -> TypeGrammar;
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema;
    fn inline_schema(&self, generator: &mut SchemaGenerator) -> Option<Schema>;
}

#[async_trait]
impl<T: ProviderType> AnyProviderType for T {
    fn plan(&self, entry: &Spec) -> Result<(Options, ProviderPlan), Problems> {
        let options = self.read(entry)?;
        let plan = ProviderType::plan(self, &options, entry.origin())?;
        Ok((Options::new(options), plan))
    }

    async fn make(&self, options: &Options) -> Result<Arc<dyn RegistryProvider>> {
        ProviderType::make(self, options.get()?).await
    }

    fn inline(&self, keys: &Spec) -> Result<Inline<Options>, Problems> {
        let Inline { name, options, plan, warnings } = ProviderType::inline(self, keys)?;
        Ok(Inline { name, options: Options::new(options), plan, warnings })
    }

    async fn probe(&self, entries: Vec<Probe<Options>>) -> Option<Vec<Finding>> {
        ProviderType::probe(self, of_type(entries)).await
    }

    fn identities(&self) -> Identities {
        ProviderType::identities(self)
    }

    fn pod_identity(
        &self,
        entries: Vec<Probe<Options>>,
        chosen: &ChosenIdentity,
        site: &PodSite,
    ) -> Result<PodIdentity, Problems> {
        ProviderType::pod_identity(self, &of_type(entries), chosen, site)
    }

    fn policies(
        &self,
        entries: Vec<Probe<Options>>,
        chosen: &ChosenIdentity,
        site: &PodSite,
    ) -> Option<Result<Policies, Problems>> {
        ProviderType::policies(self, &of_type(entries), chosen, site)
    }

    fn reload(&self) {
        ProviderType::reload(self);
    }

    fn service(&self) -> &'static str {
        ProviderType::service(self)
    }

    fn codes(&self) -> &'static [&'static Code] {
        ProviderType::codes(self)
    }

    fn server_time(&self) -> Option<SystemTime> {
        ProviderType::server_time(self)
    }

    fn grammar(&self) -> TypeGrammar {
        ProviderType::grammar(self)
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        T::Options::json_schema(generator)
    }

    fn inline_schema(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        ProviderType::inline_schema(self, generator)
    }
}

/// Returns the entries with their own options.
fn of_type<O: Clone + 'static>(entries: Vec<Probe<Options>>) -> Vec<Probe<O>> {
    let typed =
        entries.into_iter().filter_map(|it| Some(Probe::new(it.name, it.is_inline, it.options.get().ok()?, it.plan)));
    typed.collect()
}

/// See [`SinkType`]. The options of a target are `None` if all of its keys are common ones.
#[async_trait]
pub(crate) trait AnySinkType: Send + Sync {
    fn plan(&self, entry: &Spec, targets: &[SinkTarget<Option<Spec>>]) -> Result<SinkPlan, Problems>;
    async fn make(&self, entry: &Spec, targets: Vec<SinkTarget<Option<Spec>>>, run: &Run)
    -> Result<Vec<SourceAndSink>>;
    fn grammar(&self) -> TypeGrammar;
    fn codes(&self) -> &'static [&'static Code];
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema;
    fn target_schema(&self, generator: &mut SchemaGenerator) -> Schema;
}

#[async_trait]
impl<T: SinkType> AnySinkType for T {
    fn plan(&self, entry: &Spec, targets: &[SinkTarget<Option<Spec>>]) -> Result<SinkPlan, Problems> {
        let (options, targets) = (self.read(entry), typed::<T>(entry, targets));
        match (options, targets) {
            (Ok(options), Ok(targets)) => SinkType::plan(self, &options, &targets, entry.origin()),
            (options, targets) => {
                let problems = [options.err(), targets.err()].into_iter().flatten();
                Err(Problems::check(problems.flat_map(Vec::<Problem>::from).collect()).expect_err("there is a problem"))
            }
        }
    }

    async fn make(
        &self,
        entry: &Spec,
        targets: Vec<SinkTarget<Option<Spec>>>,
        run: &Run,
    ) -> Result<Vec<SourceAndSink>> {
        let options = self.read(entry)?;
        let targets = typed::<T>(entry, &targets)?;
        SinkType::make(self, options, targets, run).await
    }

    fn grammar(&self) -> TypeGrammar {
        SinkType::grammar(self)
    }

    fn codes(&self) -> &'static [&'static Code] {
        SinkType::codes(self)
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        T::Options::json_schema(generator)
    }

    fn target_schema(&self, generator: &mut SchemaGenerator) -> Schema {
        T::TargetOptions::json_schema(generator)
    }
}

/// Reads the options of all targets.
fn typed<T: SinkType>(
    entry: &Spec,
    targets: &[SinkTarget<Option<Spec>>],
) -> Result<Vec<SinkTarget<T::TargetOptions>>, Problems> {
    let (mut typed, mut problems) = (vec![], vec![]);
    for target in targets {
        let none = || Spec::without_options(entry.kind(), target.origin.clone());
        match target.options.clone().unwrap_or_else(none).options() {
            Ok(options) => typed.push(target.clone().with_options(options)),
            Err(wrong) => problems.extend(Vec::from(wrong)),
        }
    }
    Problems::check(problems)?;
    Ok(typed)
}
