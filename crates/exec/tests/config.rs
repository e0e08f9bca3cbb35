//! The type `exec` in a config.
#![cfg(feature = "plan")]

use std::time::Duration;

use regcred_config::{Config, Origin, Problems};
use regcred_core::{ErrorKind, Result, Scope};
use regcred_exec::{ExecOptions, ExecType, codes};
use regcred_plan::{
    NoOptions, Plan, ProviderType as _, Run, SinkPlan, SinkTarget, SinkType, SourceAndSink, Types, async_trait,
    from_yaml,
};

/// A sink that nothing is written to.
struct Memory;

#[async_trait]
impl SinkType for Memory {
    const NAME: &'static str = "memory";
    type Options = NoOptions;
    type TargetOptions = NoOptions;

    fn plan(&self, _: &NoOptions, _: &[SinkTarget<NoOptions>], _: &Origin) -> Result<SinkPlan, Problems> {
        Ok(SinkPlan::default())
    }

    async fn make(&self, _: NoOptions, _: Vec<SinkTarget<NoOptions>>, _: &Run) -> Result<Vec<SourceAndSink>> {
        Ok(vec![])
    }
}

fn types() -> Types {
    let types = Types::default().with_provider(ExecType::default());
    types.and_then(|types| types.with_sink(Memory)).expect("they have different names")
}

/// Reads a config with this text and a target that uses the providers.
fn read(providers: &str, names: &str) -> Result<Config, Problems> {
    let text =
        format!("{providers}\nsinks: {{ s: {{ type: memory }} }}\ntargets: [{{ namespace: a, providers: {names} }}]");
    from_yaml(&text, &types())
}

/// Reads one provider, whose options are these lines of a flow map.
fn one(options: &str) -> Result<Config, Problems> {
    read(&format!("providers: {{ p: {{ type: exec, {options} }} }}"), "[p]")
}

fn options(options: &str) -> ExecOptions {
    let config = one(options).unwrap_or_else(|problems| panic!("{options}: {problems}"));
    config.providers()[0].options().expect("they are valid")
}

#[test]
fn the_example_of_the_page_is_valid_and_its_needs_are_planned() {
    let page = include_str!("../README.md");
    let (_, example) = page.split_once("```yaml\n").expect("an example");
    let (example, _) = example.split_once("targets:").expect("it has targets");
    let config = read(example, "[artifacts, azure]").unwrap_or_else(|problems| panic!("{problems}"));
    let plan = Plan::new(&config, &types()).expect("it is valid");
    let needs = |name: &str| {
        let provider = plan.planned_providers().values().find(|it| it.entry().is_some_and(|it| it.name() == name));
        let plan = provider.expect("it is used").plan();
        let Scope::Exact(registries) = &plan.scope else { panic!("{plan:?}") };
        (registries.iter().map(ToString::to_string).collect::<Vec<_>>().concat(), plan.longest_life, plan.files.len())
    };
    let life = Some(Duration::from_mins(50));
    assert_eq!(needs("artifacts"), ("europe-docker.pkg.dev".to_owned(), life, 0));
    assert_eq!(needs("azure"), ("team.azurecr.io".to_owned(), None, 0));
}

#[test]
fn defaults_are_documented_ones() {
    let given = options("protocol: kubelet, command: /p, registries: [r.example]");
    assert_eq!((given.timeout, given.life), (Duration::from_secs(20), None));
    assert!(given.args.is_empty() && given.env.is_empty() && given.inherit.is_empty());
    let schema = types().schema();
    let text = schema.to_string();
    assert!(text.contains("\"default\":\"20s\""), "{text}");
}

#[test]
fn each_invalid_option_is_reported_at_its_key() {
    let good = ["protocol: docker", "command: /p", "registries: [r.example]"];
    for (bad, expected) in [
        ("protocol: podman", "protocol: "),
        ("command: docker-credential-gcloud", "command: docker-credential-gcloud is not an absolute path"),
        ("command: ./p", "command: ./p is not an absolute path"),
        ("command: ~/p", "command: `~` is not expanded"),
        ("registries: []", "registries: the list is empty"),
        ("registries: [r.example, https://r.example/]", "registries: duplicate registry r.example"),
        ("registries: ['*.example']", "registries: \"*.example\" is not a registry"),
        ("life: 50", "life: "),
        ("life: 1d", "life: \"1d\" is not a duration"),
        ("life: 30s", "life: cannot use the life of the credential program: it must be at least 1m"),
        ("life: 100000h", "it must be at least 1m and at most 10 years"),
        ("timeout: 26s", "timeout: it must be longer than 0s and at most 25s"),
        ("timeout: 0s", "timeout: it must be longer than 0s"),
        ("timeout: soon", "timeout: \"soon\" is not a duration"),
        ("env: { 'A=B': c }", "env: \"A=B\" is not the name of a variable"),
        ("inherit: ['']", "inherit: \"\" is not the name of a variable"),
        ("env: { A: canary }, inherit: [A]", "inherit: A is also in `env`"),
        ("ttl: 50m", "`life`"),
        ("registry: r.example", "`registries`"),
    ] {
        let key = bad.split(':').next().expect("a key");
        let others = good.iter().filter(|it| !it.starts_with(key)).copied();
        let problems = one(&others.chain([bad]).collect::<Vec<_>>().join(", ")).expect_err(bad).to_string();
        assert!(problems.contains(expected), "{bad}: {problems}");
        assert!(!problems.contains("canary"), "{problems}");
    }
    for missing in good {
        let others = good.into_iter().filter(|it| *it != missing).collect::<Vec<_>>().join(", ");
        let problems = one(&others).expect_err(missing).to_string();
        assert!(problems.contains(missing.split(':').next().expect("a key")), "{problems}");
    }
}

#[test]
fn all_problems_are_reported_at_once() {
    let problems = one("protocol: docker, command: p, registries: [], life: x, timeout: 2m").expect_err("invalid");
    assert_eq!(problems.iter().count(), 4, "{problems}");
}

#[tokio::test]
async fn a_program_is_checked_when_the_provider_is_made() {
    let missing = options("protocol: docker, command: /nonexistent/p, registries: [r.example]");
    let error = ExecType::default().make(missing).await.expect_err("it is not installed");
    assert_eq!((error.code(), error.kind()), (&codes::NOT_INSTALLED, ErrorKind::Invalid));
    let helper = "protocol: docker, command: /bin/sh, registries: [r.example], life: never, \
                  args: [-c, 'printf ''{\"Username\":\"u\",\"Secret\":\"%s\"}'' $SECRET'], env: { SECRET: canary }";
    let options = options(helper);
    assert!(!format!("{options:?}").contains("canary"), "{options:?}");
    let provider = ExecType::default().make(options).await.expect("it is installed");
    let credential = provider.credential().await.expect("it prints a login");
    assert_eq!(credential.logins()[0].secret().expose(), "canary");
    assert!(!format!("{provider:?}").contains("canary"), "{provider:?}");
}
