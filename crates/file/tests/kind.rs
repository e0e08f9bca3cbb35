//! The type `file` in a config.

#![cfg(feature = "plan")]

use std::fs;

use regcred_core::{Error, ErrorKind, Registry, Result, Scope};
use regcred_file::FileType;
use regcred_plan::{NoOptions, Plan, Run, SinkTarget, SinkType, SourceAndSink, Types, async_trait, from_yaml};

/// A type of sink for configs that are only planned.
struct Nowhere;

#[async_trait]
impl SinkType for Nowhere {
    const NAME: &'static str = "nowhere";
    type Options = NoOptions;
    type TargetOptions = NoOptions;

    async fn make(&self, _: NoOptions, _: Vec<SinkTarget<NoOptions>>, _: &Run) -> Result<Vec<SourceAndSink>> {
        Err(Error::new(ErrorKind::Bug, "it is only planned"))
    }
}

fn plan(provider: &str) -> std::result::Result<Plan, String> {
    let text = format!(
        "providers:\n  hub: {provider}\nsinks: {{ none: {{ type: nowhere }} }}\ntargets: [{{ namespace: team-a, providers: [hub] }}]\n"
    );
    let types = Types::default().with_provider(FileType::default()).and_then(|types| types.with_sink(Nowhere));
    let types = types.expect("one of each");
    let config = from_yaml(&text, &types).map_err(|problems| problems.to_string())?;
    Plan::new(&config, &types).map_err(|problems| problems.to_string())
}

#[test]
fn the_options_are_checked_all_at_once() {
    for (provider, words) in [
        ("{ type: file }", &["path"][..]),
        ("{ type: file, path: relative }", &["providers.hub.path: it is not an absolute path"]),
        ("{ type: file, path: /f, registries: [] }", &["registries", "it is empty"]),
        ("{ type: file, path: /f, registries: [a.example, 'https://a.example'] }", &["it names a.example twice"]),
        ("{ type: file, path: /f, registries: ['*.example'] }", &["it has a wildcard"]),
        ("{ type: file, path: /f, format: toml }", &["format"]),
        ("{ type: file, path: f, format: basic-auth }", &["registries: `format: basic-auth` requires it", "absolute"]),
        ("{ type: file, path: /f, password: canary }", &["password"]),
    ] {
        let problems = plan(provider).expect_err(provider);
        assert!(words.iter().all(|it| problems.contains(it)), "{provider}: {problems}");
        assert!(!problems.contains("canary"), "{provider}: {problems}");
    }
}

#[tokio::test]
async fn an_entry_names_its_file_and_its_registries() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.json");
    fs::write(&path, r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"}}}"#).expect("it can be written");
    let all = plan(&format!("{{ type: file, path: {} }}", path.display())).expect("it is valid");
    let one = plan(&format!("{{ type: file, path: {}, registries: [docker.io] }}", path.display())).expect("valid");
    let hub = Registry::new("docker.io").expect("valid");
    for (plan, scope) in [(all, Scope::Unknown), (one, Scope::Exact(vec![hub.clone()]))] {
        let provider = plan.planned_providers().values().next().expect("there is one");
        assert_eq!(provider.plan().scope, scope);
        let [file] = provider.plan().files.as_slice() else { panic!("one file") };
        assert_eq!((file.key.as_str(), &file.path), ("path", &path));
        let credential = provider.make().await.expect("it can be made").credential().await.expect("it is copied");
        assert_eq!(credential.registries().collect::<Vec<_>>(), [&hub]);
    }
}
