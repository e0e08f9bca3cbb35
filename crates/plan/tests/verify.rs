//! The key `verify` of entries of `providers:`, in plans.

use std::sync::Arc;

use regcred_config::{Origin, Problems, Verify};
use regcred_core::{
    ErrorKind, Registry, RegistryProvider, RepositoryName, Result, Scope, SecretSink, SystemClock, TargetSource,
    async_trait, testing::FakeProvider,
};
use regcred_plan::{
    NoOptions, Plan, ProviderPlan, ProviderType, Run, SinkPlan, SinkTarget, SinkType, Types, Verifier, from_yaml,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// A type whose entries share one mint.
struct Robot;

#[async_trait]
impl ProviderType for Robot {
    const NAME: &'static str = "robot";
    type Options = Options;

    fn plan(&self, options: &Options, _: &Origin) -> Result<ProviderPlan, Problems> {
        let registry = Registry::new(&options.host).expect("the host of the test is valid");
        Ok(ProviderPlan::new(Scope::Exact(vec![registry])).with_mint("all"))
    }

    async fn make(&self, options: Options) -> Result<Arc<dyn RegistryProvider>> {
        Ok(Arc::new(FakeProvider::new(Arc::new(SystemClock), &options.host)))
    }
}

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    host: String,
}

/// A type with an option that has the name of a common key.
struct Greedy;

#[async_trait]
impl ProviderType for Greedy {
    const NAME: &'static str = "greedy";
    type Options = Verifying;

    async fn make(&self, _: Verifying) -> Result<Arc<dyn RegistryProvider>> {
        Ok(Arc::new(FakeProvider::new(Arc::new(SystemClock), "r.example")))
    }
}

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its field is a key")]
struct Verifying {
    verify: bool,
}

struct Memory;

#[async_trait]
impl SinkType for Memory {
    const NAME: &'static str = "openshift";
    type Options = NoOptions;
    type TargetOptions = NoOptions;

    fn plan(&self, _: &NoOptions, _: &[SinkTarget<NoOptions>], _: &Origin) -> Result<SinkPlan, Problems> {
        Ok(SinkPlan::default())
    }

    async fn make(
        &self,
        _: NoOptions,
        _: Vec<SinkTarget<NoOptions>>,
        _: &Run,
    ) -> Result<Vec<(Arc<dyn TargetSource>, Arc<dyn SecretSink>)>> {
        Ok(vec![])
    }
}

/// Returns a provider for the registry `verified.example` instead of the given one.
#[derive(Debug)]
struct Renaming;

impl Verifier for Renaming {
    fn verified(&self, _: Arc<dyn RegistryProvider>, verify: &Verify) -> Result<Arc<dyn RegistryProvider>> {
        let registry = if verify.is_strict { "strict.example" } else { "verified.example" };
        Ok(Arc::new(FakeProvider::new(Arc::new(SystemClock), registry)))
    }

    fn hosts(&self, registry: &Registry) -> Vec<String> {
        vec![format!("{registry}:443")]
    }
}

fn types() -> Types {
    Types::default().with_provider(Robot).expect("new").with_sink(Memory).expect("new")
}

fn yaml(options: &[&str]) -> String {
    let entry =
        |(place, options): (usize, &&str)| format!("  p{place}: {{ type: robot, host: r{place}.example{options} }}\n");
    let entries = options.iter().enumerate().map(entry).collect::<String>();
    let names = (0..options.len()).map(|place| format!("p{place}")).collect::<Vec<_>>().join(", ");
    format!("providers:\n{entries}targets: [{{ namespace: a, providers: [{names}] }}]\n")
}

fn plan(options: &[&str]) -> Plan {
    let types = types().with_verifier(Arc::new(Renaming));
    let config = from_yaml(&yaml(options), &types).expect("it is valid");
    Plan::new(&config, &types).expect("it is valid")
}

#[test]
fn verification_without_a_verifier_is_a_problem_at_its_key() {
    let text = yaml(&[", verify: strict", ", verify: false"]);
    let problems = Vec::from(from_yaml(&text, &types()).expect_err("no verifier"));
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    assert_eq!(problem.code.id(), "RC0206");
    assert!(problem.to_string().starts_with("config: providers.p0.verify: this program cannot"), "{problem}");
}

#[test]
fn entries_share_a_mint_only_if_they_verify_alike() {
    assert_eq!(plan(&["", ", verify: false"]).mints(), 1);
    let levels = ["", ", verify: true", ", verify: strict", ", verify: true, verify_repository: team/app"];
    assert_eq!(plan(&levels).mints(), 4);
    assert_eq!(plan(&[", verify: true", ", verify: true"]).mints(), 1);
}

#[test]
fn a_verified_provider_connects_to_its_registries() {
    assert_eq!(plan(&["", ", verify: true"]).egress().into_iter().collect::<Vec<_>>(), ["r1.example:443"]);
}

#[test]
fn verification_changes_no_recorded_name() {
    let names = |options: &str| plan(&[options]).providers().cloned().collect::<Vec<_>>();
    assert_eq!(names(""), names(", verify: strict, verify_repository: team/app"));
}

#[tokio::test]
async fn a_provider_is_made_with_its_verification() {
    for (options, registry) in
        [("", "r0.example"), (", verify: true", "verified.example"), (", verify: strict", "strict.example")]
    {
        let plan = plan(&[options]);
        let planned = plan.planned_providers().values().next().expect("there is one");
        let credential = planned.make().await.expect("it is made").credential().await.expect("it mints");
        assert_eq!(credential.registries().next().expect("one").as_str(), registry);
    }
    let plan = plan(&[", verify: strict, verify_repository: team/app"]);
    let planned = plan.planned_providers().values().next().expect("there is one");
    let team = RepositoryName::new("team/app").expect("valid");
    assert_eq!(planned.verify(), Some(&Verify::new(true).with_repository(team)));
}

#[test]
fn no_type_has_an_option_with_the_name_of_a_common_key() {
    let error = types().with_provider(Greedy).expect_err("the option hides the key");
    assert_eq!((error.kind(), error.code().id()), (ErrorKind::Invalid, "RC0201"));
    assert!(error.chain().contains("all types have the key verify"), "{error:?}");
}

#[test]
fn the_schema_has_the_keys_for_each_type_of_provider() {
    let schema = types().schema();
    let entry = &schema["properties"]["providers"]["additionalProperties"];
    for options in [entry, &entry["allOf"][0]["then"]] {
        let properties = &options["properties"];
        assert!(properties["verify"]["description"].is_string(), "{options}");
        assert!(properties["verify_repository"]["pattern"].is_string(), "{options}");
    }
    let sinks = &schema["properties"]["sinks"]["additionalProperties"];
    assert!(sinks["properties"]["verify"].is_null(), "{sinks}");
}
