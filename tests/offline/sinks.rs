//! Custom sink types. A config uses them together with custom provider types.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use regcred::{
    BuiltIn, Minters, Plan, ProviderPlan, ProviderType, SinkPlan, SinkType, Types, async_trait,
    config::{Origin, Problem, Problems},
    engine::{Engine, Pass, State},
    plan::{NoOptions, Run, SinkTarget, SourceAndSink, from_yaml, schemars::JsonSchema},
    wire,
};
use regcred_core::{
    Address, Error, ErrorKind, RegistryProvider, StoreName, SystemClock, Target,
    testing::{FakeProvider, MemorySink},
};
use regcred_openshift::{Cluster, Clusters, Connection};
use regcred_testkit::FakeKube;
use serde::Deserialize;

const CONFIG: &str = "
providers: { robot: { type: fake } }
sinks:
  cluster: { type: openshift }
  vault: { type: shelf, height: 3 }
targets:
- { namespace: team-a, providers: [robot], sink: cluster }
- { namespaces: [team-a, team-b], providers: [robot], sink: vault }
- { namespace: team-c, providers: [robot], sink: vault, secret: { name: other, credentials: full } }
";

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "regcred::plan::schemars")]
struct Shelf {
    height: u32,
}

/// A sink type with a limited number of entries.
struct Boards {
    sink: Arc<MemorySink>,
    /// Whether creating the sink fails.
    broken: bool,
    /// Whether it supports selected namespaces.
    selects: bool,
    /// The targets of the latest plan.
    planned: Arc<Mutex<Vec<SinkTarget<NoOptions>>>>,
}

#[async_trait]
impl SinkType for Boards {
    const NAME: &'static str = "shelf";
    type Options = Shelf;
    type TargetOptions = NoOptions;

    fn plan(&self, options: &Shelf, targets: &[SinkTarget<NoOptions>], at: &Origin) -> Result<SinkPlan, Problems> {
        self.planned.lock().expect("no panic").clone_from(&targets.to_vec());
        if !self.selects {
            targets.iter().try_for_each(|it| it.in_namespaces().map(drop))?;
        }
        if targets.len() > options.height as usize {
            let message = format!("{} boards are too few for {} entries", options.height, targets.len());
            return Err(Problem::at(at.join("height"), message).into());
        }
        Ok(SinkPlan::default())
    }

    async fn make(
        &self,
        _: Shelf,
        targets: Vec<SinkTarget<NoOptions>>,
        _: &Run,
    ) -> regcred_core::Result<Vec<SourceAndSink>> {
        if self.broken {
            return Err(Error::new(ErrorKind::Unreachable, "the shelf fell over"));
        }
        let kept = |target: &SinkTarget<NoOptions>| -> SourceAndSink {
            (Arc::new(target.in_namespaces().expect("it was planned")), self.sink.clone())
        };
        Ok(targets.iter().map(kept).collect())
    }
}

/// A provider type that always returns the same provider.
struct Given<const OTHER: bool>(Arc<FakeProvider>);

#[async_trait]
impl<const OTHER: bool> ProviderType for Given<OTHER> {
    const NAME: &'static str = if OTHER { "other" } else { "fake" };
    type Options = NoOptions;

    fn plan(&self, _: &NoOptions, _: &Origin) -> Result<ProviderPlan, Problems> {
        Ok(ProviderPlan::default())
    }

    async fn make(&self, _: NoOptions) -> regcred_core::Result<Arc<dyn RegistryProvider>> {
        Ok(self.0.clone())
    }
}

fn fake() -> Given<false> {
    Given(Arc::new(FakeProvider::new(Arc::new(SystemClock), "r.example")))
}

fn with_built_in(types: Types, cluster: Option<&Cluster>) -> Types {
    let clusters = cluster.into_iter().fold(Clusters::default(), |clusters, cluster| {
        clusters.with("cluster".parse().expect("a name"), cluster.clone())
    });
    BuiltIn::default().with_clusters(clusters).add_to(types).expect("they have different names")
}

fn types(sink: &Arc<MemorySink>, broken: bool, cluster: Option<&Cluster>) -> Types {
    let boards = Boards { sink: sink.clone(), broken, selects: false, planned: Arc::default() };
    let types = Types::default().with_provider(fake()).and_then(|types| types.with_sink(boards));
    with_built_in(types.expect("they have different names"), cluster)
}

async fn engine(yaml: &str, types: &Types) -> Arc<Engine> {
    let config = from_yaml(yaml, types).expect("it is valid");
    let plan = Plan::new(&config, types).expect("it is valid");
    let engine = wire::engine(&plan, types, &mut Minters::default(), Arc::new(SystemClock)).await;
    engine.build().expect("it is whole")
}

async fn world() -> (FakeKube, Cluster, tempfile::TempDir) {
    let (kube, dir) = (FakeKube::start().await, tempfile::tempdir().expect("a folder"));
    kube.add_namespace("team-a", &["default"]);
    let path = dir.path().join("kubeconfig");
    std::fs::write(&path, kube.kubeconfig()).expect("it can be written");
    let connection = Connection { kubeconfig: Some(path), ..Connection::default() };
    (kube, Cluster::connect(&connection).await.expect("it is whole"), dir)
}

#[tokio::test]
async fn each_target_is_written_by_its_own_sink_with_one_mint() {
    let (kube, cluster, _dir) = world().await;
    let sink = Arc::new(MemorySink::default());
    let types = types(&sink, false, Some(&cluster));
    let report = engine(CONFIG, &types).await.once(Pass::default()).await;
    assert_eq!((report.targets.len(), report.count(State::Fresh)), (4, 4), "{report:#?}");
    let stores = report.targets.keys().map(|target| target.store.clone()).collect::<BTreeSet<StoreName>>();
    assert_eq!(stores.len(), 2);
    assert!(kube.object("secrets", "team-a", "ecr-secret").is_some());
    assert_eq!(sink.writes(), 3, "two Secrets of one name, and another");
}

#[tokio::test]
async fn a_sink_that_cannot_be_created_stops_no_other() {
    let (kube, cluster, _dir) = world().await;
    let types = types(&Arc::default(), true, Some(&cluster));
    let report = engine(CONFIG, &types).await.once(Pass::default().with_attempts(1)).await;
    assert_eq!((report.targets.len(), report.sources.len(), report.exit_code()), (1, 2, 1), "{report:#?}");
    assert!(report.sources.values().all(|error| error.to_string().contains("the shelf fell over")));
    assert!(kube.object("secrets", "team-a", "ecr-secret").is_some());
}

#[test]
fn errors_found_by_the_sink_are_reported_with_their_keys() {
    let types = types(&Arc::default(), false, None);
    let told = |yaml: &str| {
        let problems = from_yaml(yaml, &types).expect_err("it is not valid");
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&CONFIG.replace("height: 3", "height: 1")),
        ["config: sinks.vault.height: 1 boards are too few for 2 entries"]
    );
    assert_eq!(
        told(&CONFIG.replace("height: 3", "depth: 1")),
        [
            "config: sinks.vault.depth: this key is not known; known keys: height",
            "config: sinks.vault.height: it is missing"
        ]
    );
    let chosen = told(&CONFIG.replace("[team-a, team-b]", "['team-*']"));
    assert_eq!(
        chosen,
        ["config: targets[1].namespaces: this sink has no namespaces to choose from: name them instead of team-*"]
    );
    let unknown = told(&CONFIG.replace("type: shelf", "type: gitlab"));
    assert_eq!(
        unknown,
        [
            "config: sinks.vault.type: \"gitlab\" is not a type of sink (known types: file, kubernetes, openshift, shelf)"
        ]
    );
}

#[test]
fn a_custom_sink_receives_every_option_of_the_config() {
    let planned = Arc::<Mutex<_>>::default();
    let boards = Boards { sink: Arc::default(), broken: false, selects: true, planned: planned.clone() };
    let types = with_built_in(Types::default().with_sink(boards).expect("the first"), None);
    let yaml =
        "providers: { push: { type: ecr, region: eu-west-1, access: push } }\nsinks: { vault: { type: shelf, height: 9 } }\n\
                targets: [{ namespaces: [app-a, 'app-*'], providers: [push], secret: { adopt: true } }]\n"
            .replace("[app-a, 'app-*']", "{ include: [app-a, 'app-*'], selector: tier }");
    from_yaml(&yaml, &types).expect("it is valid");
    let entries = planned.lock().expect("no panic");
    let users = |entry: &SinkTarget<NoOptions>| entry.accounts.iter().map(|it| it.account.clone()).collect::<Vec<_>>();
    assert!(entries.iter().all(|entry| users(entry) == ["builder", "pipeline"] && entry.secret.adopt), "{entries:?}");
    let choice = entries.iter().find_map(|entry| entry.selection.as_ref()).expect("one chooses");
    let labels = [("tier".to_owned(), "run".to_owned())].into();
    assert!(
        choice.takes("app-b", &labels) && !choice.takes("app-a", &labels),
        "what is named beside it is not chosen too"
    );
}

/// The options of one target in the folder.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "regcred::plan::schemars")]
struct File {
    path: String,
    #[serde(default)]
    mode: u32,
}

/// A sink type for files in a folder.
struct Folder(Arc<MemorySink>);

#[async_trait]
impl SinkType for Folder {
    const NAME: &'static str = "folder";
    type Options = NoOptions;
    type TargetOptions = File;

    fn plan(&self, _: &NoOptions, targets: &[SinkTarget<File>], _: &Origin) -> Result<SinkPlan, Problems> {
        let wrong = targets.iter().filter(|it| it.options.mode != 0o600 && it.options.mode != 0);
        let problems = wrong.map(|it| Problem::at(it.origin.join("mode"), "it is not 0600"));
        Problems::check(problems.collect()).map(|()| SinkPlan::default())
    }

    async fn make(
        &self,
        _: NoOptions,
        targets: Vec<SinkTarget<File>>,
        _: &Run,
    ) -> regcred_core::Result<Vec<SourceAndSink>> {
        let kept = |target: &SinkTarget<File>| -> SourceAndSink {
            (Arc::new(vec![target.at(Address::named(target.options.path.as_str()))]), self.0.clone())
        };
        Ok(targets.iter().map(kept).collect())
    }
}

fn folder(sink: &Arc<MemorySink>, provider: Given<false>) -> Types {
    let types = Types::default().with_provider(provider).and_then(|types| types.with_sink(Folder(sink.clone())));
    types.expect("they have different names")
}

const FILES: &str = "
providers: { robot: { type: fake }, ecr: { type: ecr, region: eu-west-1 } }
sinks:
  cluster: { type: openshift }
  files: { type: folder }
targets:
- { namespace: team-a, providers: [robot], sink: cluster }
- { path: /run/a.json, providers: [robot], sink: files }
- { path: /run/b.json, mode: 384, providers: [robot], sink: files }
";

#[tokio::test]
async fn a_target_of_a_custom_sink_has_its_own_options_and_needs_no_namespace() {
    let (_kube, cluster, _dir) = world().await;
    let sink = Arc::new(MemorySink::default());
    let types = with_built_in(folder(&sink, fake()), Some(&cluster));
    let report = engine(FILES, &types).await.once(Pass::default()).await;
    let targets = report.targets.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(targets, ["team-a/ecr-secret in cluster", "/run/a.json in files", "/run/b.json in files"]);
    assert_eq!((report.count(State::Fresh), sink.writes()), (3, 2), "{report:#?}");
}

#[test]
fn each_error_in_target_options_is_reported_with_its_key() {
    let types = with_built_in(folder(&Arc::default(), fake()), None);
    for (before, after, expected) in [
        (
            "{ path: /run/a.json,",
            "{ pth: /run/a.json,",
            &["config: targets[1].pth: this key is not known; did you mean `path`?"][..],
        ),
        ("mode: 384", "mode: 1", &["config: targets[2].mode: it is not 0600"]),
        ("/run/b.json, mode: 384", "/run/a.json", &["config: targets[2]: it repeats targets[1]"]),
        (
            "{ namespace: team-a,",
            "{ namespace: team-a, path: x,",
            &[
                "config: targets[0].path: this key is not known; known keys: accounts, namespace, namespaces, providers, region, registry, secret, service_accounts, sink",
            ],
        ),
        (
            "{ path: /run/a.json, ",
            "{ ",
            &["config: targets[1].namespace: it is missing, and so are the keys of its sink, such as `path`, `mode`"],
        ),
        (
            "/run/b.json, mode: 384, providers: [robot]",
            "/run/a.json, providers: [robot, robot2]",
            &["config: targets[2].providers[1]: `providers:` does not name \"robot2\"; did you mean robot?"],
        ),
    ] {
        let yaml = FILES.replace(before, after);
        assert_ne!(yaml, FILES);
        let problems = from_yaml(&yaml, &types).expect_err("it is not valid");
        let problems = problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(problems, expected, "{after}");
    }
}

#[tokio::test]
async fn two_entries_with_equal_options_make_one_target_with_both_logins() {
    let sink = Arc::new(MemorySink::default());
    let yaml = FILES.replace("/run/b.json, mode: 384, providers: [robot]", "/run/a.json, providers: [other]");
    let yaml = yaml.replace("ecr: { type: ecr, region: eu-west-1 }", "other: { type: other }");
    let other = Given::<true>(Arc::new(FakeProvider::new(Arc::new(SystemClock), "other.example")));
    let (_kube, cluster, _dir) = world().await;
    let types = folder(&sink, fake()).with_provider(other).expect("the first");
    let types = with_built_in(types, Some(&cluster));
    let report = engine(&yaml, &types).await.once(Pass::default()).await;
    assert_eq!((report.targets.len(), report.count(State::Fresh), sink.writes()), (2, 2, 1), "{report:#?}");
    let target = Target::new("files".parse().expect("valid"), Address::named("/run/a.json"));
    assert_eq!(sink.stored(&target).map(|logins| logins.len()), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_daemon_mints_again_when_a_provider_from_the_config_reports_a_change() {
    let provider = Arc::new(FakeProvider::new(Arc::new(SystemClock), "r.example"));
    let sink = Arc::new(MemorySink::default());
    let types = with_built_in(folder(&sink, Given(provider.clone())), None);
    let yaml = FILES.replace("- { namespace: team-a, providers: [robot], sink: cluster }\n", "");
    let engine = engine(&yaml, &types).await;
    let steps = async {
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!((provider.calls(), sink.writes()), (1, 2));
        provider.change();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!((provider.calls(), sink.writes()), (2, 4));
    };
    engine.run(steps).await;
}
