//! Types of sinks that a program brings along, named in a config beside its own types of providers.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use regcred::{
    SinkEntry, Types,
    config::{Config, Problems},
    engine::{Pass, State},
    wire::{self, Clusters},
};
use regcred_core::{
    Address, Error, ErrorKind, SecretSink, StoreName, SystemClock, Target, TargetSource,
    testing::{FakeProvider, MemorySink},
};
use regcred_openshift::{Cluster, Connection};
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shelf {
    height: u32,
}

/// `broken`: it cannot be made.
fn types(sink: &Arc<MemorySink>, broken: bool) -> Types {
    let sink = sink.clone();
    let types = Types::default()
        .with_provider("fake", |_| Ok(async { Ok(FakeProvider::new(Arc::new(SystemClock), "r.example")) }));
    types.with_sink("shelf", move |spec, entries: &[SinkEntry]| {
        let Shelf { height } = spec.options()?;
        let targets = entries.iter().map(SinkEntry::targets).collect::<Result<Vec<_>, _>>()?;
        if entries.len() > height as usize {
            return Err(spec
                .problem("height", format!("{height} boards are too few for {} entries", entries.len()))
                .into());
        }
        let sink = sink.clone();
        Ok(async move {
            if broken {
                return Err(Error::new(ErrorKind::Unreachable, "the shelf fell over"));
            }
            let kept = |targets| (Arc::new(targets) as Arc<dyn TargetSource>, sink.clone() as Arc<dyn SecretSink>);
            Ok(targets.into_iter().map(kept).collect())
        })
    })
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
async fn each_entry_is_kept_where_its_sink_keeps_it_with_one_mint_for_all() {
    let (kube, cluster, _dir) = world().await;
    let sink = Arc::new(MemorySink::default());
    let (types, config) = (types(&sink, false), Config::from_yaml(CONFIG).expect("its form is valid"));
    assert_eq!(wire::problems(&config, &types), []);
    let plan = wire::plan(&config, &types).expect("it is valid");
    let clusters = Clusters::one(&plan, &cluster);
    assert_eq!(clusters.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["cluster"]);
    let engine = wire::engine(plan, &types, clusters, Arc::new(SystemClock)).await.expect("it can be made");
    let report = engine.build().expect("it is whole").once(Pass::default()).await;
    assert_eq!((report.targets.len(), report.count(State::Fresh)), (4, 4), "{report:#?}");
    let stores = report.targets.keys().map(|target| target.store.clone()).collect::<BTreeSet<StoreName>>();
    assert_eq!(stores.len(), 2);
    assert!(kube.object("secrets", "team-a", "ecr-secret").is_some());
    assert_eq!(sink.writes(), 3, "two Secrets of one name, and another");
}

#[tokio::test]
async fn a_sink_that_cannot_be_made_stops_no_other() {
    let (kube, cluster, _dir) = world().await;
    let types = types(&Arc::default(), true);
    let plan = wire::plan(&Config::from_yaml(CONFIG).expect("its form is valid"), &types).expect("it is valid");
    let clusters = Clusters::one(&plan, &cluster);
    let engine = wire::engine(plan, &types, clusters, Arc::new(SystemClock)).await.expect("it can be made");
    let report = engine.build().expect("it is whole").once(Pass::default().with_looks(1)).await;
    assert_eq!((report.targets.len(), report.sources.len(), report.exit_code()), (1, 2, 1), "{report:#?}");
    assert!(report.sources.values().all(|error| error.to_string().contains("the shelf fell over")));
    assert!(kube.object("secrets", "team-a", "ecr-secret").is_some());
}

#[test]
fn what_only_the_sink_knows_to_be_wrong_is_told_where_it_stands() {
    let types = types(&Arc::default(), false);
    let told = |yaml: &str| {
        let problems = wire::problems(&Config::from_yaml(yaml).expect("its form is valid"), &types);
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&CONFIG.replace("height: 3", "height: 1")),
        ["config: sinks.vault.height: 1 boards are too few for 2 entries"]
    );
    assert_eq!(
        told(&CONFIG.replace("height: 3", "depth: 1")),
        [
            "config: sinks.vault.depth: this key is not known; known are height",
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
        ["config: sinks.vault.type: \"gitlab\" is no type of sink; known are kubernetes, openshift, shelf"]
    );
}

#[test]
fn a_sink_of_one_s_own_is_told_all_that_the_config_says() {
    let seen = Arc::new(std::sync::Mutex::new(vec![]));
    let told = seen.clone();
    let types = Types::default().with_sink("shelf", move |_, entries| {
        told.lock().expect("no panic").extend(entries.iter().cloned());
        Ok(async { Ok(vec![]) })
    });
    let yaml =
        "providers: { push: { type: ecr, region: eu-west-1, access: push } }\nsinks: { vault: { type: shelf } }\n\
                targets: [{ namespaces: [app-a, 'app-*'], providers: [push], secret: { adopt: true } }]\n"
            .replace("[app-a, 'app-*']", "{ include: [app-a, 'app-*'], selector: tier }");
    assert_eq!(wire::problems(&Config::from_yaml(&yaml).expect("its form is valid"), &types), []);
    let entries = seen.lock().expect("no panic");
    let users = |entry: &SinkEntry| entry.accounts.iter().flatten().map(|it| it.name.clone()).collect::<Vec<_>>();
    assert!(entries.iter().all(|entry| users(entry) == ["builder", "pipeline"] && entry.secret.adopt), "{entries:?}");
    let choice = entries.iter().find_map(|entry| entry.selection.as_ref()).expect("one chooses");
    let labels = [("tier".to_owned(), "run".to_owned())].into();
    assert!(
        choice.takes("app-b", &labels) && !choice.takes("app-a", &labels),
        "what is named beside it is not chosen too"
    );
}

/// The options of one target of the folder.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    path: String,
    #[serde(default)]
    mode: u32,
}

fn folder(sink: &Arc<MemorySink>) -> Types {
    let sink = sink.clone();
    let types = Types::default()
        .with_provider("fake", |_| Ok(async { Ok(FakeProvider::new(Arc::new(SystemClock), "r.example")) }));
    types.with_sink("folder", move |_, entries: &[SinkEntry]| {
        let target = |entry: &SinkEntry| -> Result<_, Problems> {
            let File { path, mode } = entry.options()?;
            let problem = || entry.options.as_ref().map(|options| options.problem("mode", "it is not 0600"));
            problem().filter(|_| mode != 0o600 && mode != 0).map_or(Ok(()), Err)?;
            Ok(Target::new(entry.store.clone(), Address::named(path)))
        };
        let targets = entries.iter().map(target).collect::<Result<Vec<_>, _>>()?;
        let sink = sink.clone();
        Ok(async move {
            let kept = |target| (Arc::new(vec![target]) as Arc<dyn TargetSource>, sink.clone() as Arc<dyn SecretSink>);
            Ok(targets.into_iter().map(kept).collect())
        })
    })
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
async fn a_target_of_another_type_of_sink_has_options_of_its_own_and_needs_no_namespace() {
    let (_kube, cluster, _dir) = world().await;
    let sink = Arc::new(MemorySink::default());
    let (types, config) = (folder(&sink), Config::from_yaml(FILES).expect("its form is valid"));
    assert_eq!(wire::problems(&config, &types), []);
    let plan = wire::plan(&config, &types).expect("it is valid");
    let clusters = Clusters::one(&plan, &cluster);
    let engine = wire::engine(plan, &types, clusters, Arc::new(SystemClock)).await.expect("it can be made");
    let report = engine.build().expect("it is whole").once(Pass::default()).await;
    let targets = report.targets.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(targets, ["team-a/ecr-secret in cluster", "/run/a.json in files", "/run/b.json in files"]);
    assert_eq!((report.count(State::Fresh), sink.writes()), (3, 2), "{report:#?}");
}

#[test]
fn each_fault_in_the_options_of_a_target_is_told_with_its_place() {
    let types = folder(&Arc::default());
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
                "config: targets[0].path: this key is not known; known are accounts, namespace, namespaces, providers, region, registry, secret, service_accounts, sink",
            ],
        ),
        ("{ path: /run/a.json, ", "{ ", &["config: targets[1].namespace: it is missing"]),
        (
            "/run/b.json, mode: 384, providers: [robot]",
            "/run/a.json, providers: [robot, robot2]",
            &["config: targets[2].providers[1]: `providers:` does not name \"robot2\"; did you mean robot?"],
        ),
    ] {
        let yaml = FILES.replace(before, after);
        assert_ne!(yaml, FILES);
        let problems = match Config::from_yaml(&yaml) {
            Ok(config) => wire::problems(&config, &types),
            Err(problems) => problems.iter().cloned().collect(),
        };
        let problems = problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(problems, expected, "{after}");
    }
}

#[tokio::test]
async fn two_entries_with_the_same_options_keep_one_target_with_the_logins_of_both() {
    let sink = Arc::new(MemorySink::default());
    let yaml = FILES.replace("/run/b.json, mode: 384, providers: [robot]", "/run/a.json, providers: [other]");
    let yaml = yaml.replace("ecr: { type: ecr, region: eu-west-1 }", "other: { type: other }");
    let types = folder(&sink)
        .with_provider("other", |_| Ok(async { Ok(FakeProvider::new(Arc::new(SystemClock), "other.example")) }));
    let (_kube, cluster, _dir) = world().await;
    let plan = wire::plan(&Config::from_yaml(&yaml).expect("its form is valid"), &types).expect("it is valid");
    let clusters = Clusters::one(&plan, &cluster);
    let engine = wire::engine(plan, &types, clusters, Arc::new(SystemClock)).await.expect("it can be made");
    let report = engine.build().expect("it is whole").once(Pass::default()).await;
    assert_eq!((report.targets.len(), report.count(State::Fresh), sink.writes()), (2, 2, 1), "{report:#?}");
    let target = Target::new("files".parse().expect("valid"), Address::named("/run/a.json"));
    assert_eq!(sink.stored(&target).map(|logins| logins.len()), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_daemon_mints_again_when_a_provider_from_the_config_reports_a_change() {
    let provider = Arc::new(FakeProvider::new(Arc::new(SystemClock), "r.example"));
    let (sink, made) = (Arc::new(MemorySink::default()), provider.clone());
    let types = folder(&sink).with_provider("watched", move |_| {
        let made = made.clone();
        Ok(async { Ok(made) })
    });
    let yaml = FILES
        .replace("robot: { type: fake }", "robot: { type: watched }")
        .replace("- { namespace: team-a, providers: [robot], sink: cluster }\n", "");
    let plan = wire::plan(&Config::from_yaml(&yaml).expect("its form is valid"), &types).expect("it is valid");
    let (_kube, cluster, _dir) = world().await;
    let clusters = Clusters::one(&plan, &cluster);
    let engine = wire::engine(plan, &types, clusters, Arc::new(SystemClock)).await.expect("it can be made");
    let steps = async {
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!((provider.calls(), sink.writes()), (1, 2));
        provider.change();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!((provider.calls(), sink.writes()), (2, 4));
    };
    engine.build().expect("it is whole").run(steps).await;
}
