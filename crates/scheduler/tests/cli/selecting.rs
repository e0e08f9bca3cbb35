//! Namespaces by pattern and label, several clusters, and the fields of a Secret besides its logins.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use regcred_testkit::FakeKube;
use serde_json::{Value, json};

use crate::world::{World, of, regcred, run};

const CHOOSING: &str = "targets:\n- namespaces: { include: [team-a, 'app-*'], exclude: ['app-legacy-*'], selector: 'tier in (build, run)' }\n  \
                        region: eu-west-1\n- { namespaces: ['*'], region: us-east-1, secret: { name: everywhere } }\n";

/// Adds a namespace with this label to the ones of [`World::new`].
fn labelled(kube: &FakeKube, name: &str, tier: &str) {
    kube.add_namespace(name, &["default"]);
    kube.put("namespaces", "", name, json!({ "metadata": { "labels": { "tier": tier } } }), "kubectl");
}

/// Returns the namespace and the name of every Secret that regcred manages.
fn kept(kube: &FakeKube) -> Vec<String> {
    let secrets = kube.objects("secrets").into_iter();
    let ours = secrets.filter(|it| it["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "regcred");
    let text = |it: &Value, key: &str| it["metadata"][key].as_str().unwrap_or_default().to_owned();
    let mut kept = ours.map(|it| format!("{}/{}", text(&it, "namespace"), text(&it, "name"))).collect::<Vec<_>>();
    kept.sort();
    kept
}

fn auths(secret: &Value) -> Value {
    let data = secret["data"][".dockerconfigjson"].as_str().expect("it has data");
    serde_json::from_slice::<Value>(&STANDARD.decode(data).expect("base64")).expect("JSON")["auths"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_served_by_its_name_and_its_labels() {
    let world = World::new(&["team-a", "app-b", "kube-system"]).await;
    labelled(&world.kube, "app-a", "build");
    labelled(&world.kube, "app-c", "test");
    labelled(&world.kube, "app-legacy-a", "run");
    let (code, report, logs) = run(&mut world.once(CHOOSING, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    let everywhere = ["app-a", "app-b", "app-c", "app-legacy-a", "team-a"].map(|it| format!("{it}/everywhere"));
    let mut expected = vec!["app-a/ecr-secret".to_owned(), "team-a/ecr-secret".into()];
    expected.extend(everywhere);
    expected.sort();
    assert_eq!(kept(&world.kube), expected);
    let lists = world.kube.requests().into_iter().filter(|it| it.verb == "list" && it.resource == "namespaces");
    assert_eq!(lists.count(), 1, "two entries share one list");

    labelled(&world.kube, "app-d", "run");
    let (code, report, _) = run(&mut world.once(CHOOSING, &["--output", "json", "--target", "app-d"]));
    assert_eq!((code, report["targets"].as_array().map(Vec::len)), (0, Some(2)), "{report:#}");
    assert!(kept(&world.kube).contains(&"app-d/ecr-secret".to_owned()));
    let (code, _, logs) = run(&mut world.once(CHOOSING, &["--target", "kube-system"]));
    assert!(code == 2 && logs.contains("no target in namespace kube-system"), "{logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_earlier_of_two_overlapping_entries_wins_with_one_log_line() {
    let world = World::new(&["app-a", "app-b"]).await;
    let config = "targets:\n- { namespaces: ['app-*'], region: eu-west-1 }\n- { namespaces: ['app-*'], region: ap-south-1 }\n\
                  - { namespaces: ['*'], region: us-east-1 }\n";
    let (code, report, logs) = run(&mut world.once(config, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    let secret = world.secret("app-a").expect("it was written");
    let auths = auths(&secret);
    let hosts = auths.as_object().expect("a map").keys().collect::<Vec<_>>();
    let united = ["123456789012.dkr.ecr.ap-south-1.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com"];
    assert_eq!(hosts, united, "entries that choose alike are united");
    let lines = logs.lines().filter(|line| line.contains("skipped duplicate targets"));
    let lines = lines.collect::<Vec<_>>();
    assert!(lines.len() == 1 && lines[0].contains("targets[2]") && lines[0].contains("count=2"), "{logs}");
    assert!(lines[0].contains("reason=\"an earlier entry of the config names them\""), "{logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_pattern_wins_over_a_later_name_and_nothing_is_written_twice() {
    let world = World::new(&["app-a", "team-a"]).await;
    let config = "targets:\n- { namespaces: ['app-*'], region: eu-west-1 }\n- { namespaces: [app-a, team-a], region: us-east-1 }\n";
    for step in ["create", "leave"] {
        world.kube.clear_requests();
        let (code, report, logs) = run(&mut world.once(config, &["--output", "json"]));
        let steps = report["targets"].as_array().expect("a list").iter().map(|it| it["step"].as_str());
        assert_eq!((code, steps.collect::<Vec<_>>()), (0, vec![Some(step); 2]), "{report:#} {logs}");
        let writes = world.kube.requests().into_iter().filter(|it| it.verb == "patch" && it.resource == "secrets");
        assert_eq!(writes.count(), if step == "create" { 2 } else { 0 });
        assert!(logs.contains("targets[1]") && logs.contains("app-a"), "{logs}");
    }
    let before = world.secret("app-a").expect("it was written");
    assert!(auths(&before).get("123456789012.dkr.ecr.eu-west-1.amazonaws.com").is_some(), "the earlier entry has it");

    world.kube.deny("list", "namespaces", None);
    let (code, report, _) = run(&mut world.once(config, &["--output", "json"]));
    assert_eq!((code, of(&report, "team-a").0.as_str()), (1, "fresh"), "{report:#}");
    let (state, why) = of(&report, "app-a");
    assert!(state == "failed" && why.contains("it may be a target of targets[0]"), "{state} {why}");
    assert_eq!(world.secret("app-a"), Some(before), "a failed list drops no login");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_list_namespaces_named_ones_are_still_served() {
    let world = World::new(&["team-a", "app-a"]).await;
    world.kube.deny("list", "namespaces", None);
    let config =
        "targets:\n- { namespace: team-a, region: eu-west-1 }\n- { namespaces: ['app-*'], region: eu-west-1 }\n";
    let (code, report, _) = run(&mut world.once(config, &["--output", "json"]));
    assert_eq!((code, of(&report, "team-a").0.as_str()), (1, "fresh"), "{report:#}");
    let rule = "grant cluster-wide: apiGroups [\"\"], resources [namespaces], verbs [list]";
    let failed = &report["sources_failed"][0];
    assert_eq!((&failed["entry"], &failed["kind"]), (&json!("targets[1]"), &json!("denied")));
    assert!(failed["error"].as_str().is_some_and(|it| it.contains(rule)), "{report:#}");
    let table = world.once(config, &[]).output().expect("it starts").stdout;
    let table = String::from_utf8(table).expect("text");
    assert!(
        table.contains("targets[1]: its namespaces are not known: cannot list namespaces of the whole cluster"),
        "{table}"
    );
    assert_eq!(kept(&world.kube), ["team-a/ecr-secret"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_follow_the_config_without_a_mint_and_foreign_labels_are_kept() {
    let world = World::new(&["team-a"]).await;
    let config = |secret: &str| format!("targets: [{{ namespace: team-a, region: eu-west-1, secret: {secret} }}]\n");
    let once = |secret: &str| {
        let (code, report, logs) = run(&mut world.once(&config(secret), &["--output", "json"]));
        assert_eq!(code, 0, "{report:#} {logs}");
        report["targets"][0]["step"].as_str().expect("a step").to_owned()
    };
    let labels = |key: &str| world.secret("team-a").expect("it is there")["metadata"][key].clone();
    assert_eq!(once("{ labels: { team: a }, annotations: { example.com/docs: x } }"), "create");
    assert_eq!((&labels("labels")["team"], &labels("annotations")["example.com/docs"]), (&json!("a"), &json!("x")));
    assert_eq!(once("{ labels: { team: a }, annotations: { example.com/docs: x } }"), "leave");

    let mut theirs = world.secret("team-a").expect("it is there");
    theirs["metadata"]["labels"]["theirs"] = json!("yes");
    world.kube.put("secrets", "team-a", "ecr-secret", theirs, "kubectl-label");
    let data = world.secret("team-a").expect("it is there")["data"].clone();
    assert_eq!(once("{ labels: { team: b, tier: run } }"), "link");
    let after = labels("labels");
    assert_eq!((&after["team"], &after["tier"], &after["theirs"]), (&json!("b"), &json!("run"), &json!("yes")));
    assert!(labels("annotations")["example.com/docs"].is_null(), "what the config drops goes");
    assert_eq!(world.secret("team-a").expect("it is there")["data"], data);
    assert_eq!(world.aws.issued().len(), 1, "nothing was minted for it");

    assert_eq!(once("{ labels: { team: b, tier: run }, credentials: full }"), "repair");
    let auths = auths(&world.secret("team-a").expect("it is there"));
    let entry = &auths["123456789012.dkr.ecr.eu-west-1.amazonaws.com"];
    assert_eq!(entry["username"], "AWS", "{:?}", entry.as_object().map(|it| it.keys().collect::<Vec<_>>()));
    assert!(entry["password"].is_string() && entry["auth"].is_string());
    assert_eq!(once("{ labels: { team: b, tier: run }, credentials: full }"), "leave");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_login_is_linked_only_to_the_builder_account() {
    let world = World::new(&["team-a"]).await;
    let config = "providers: { push: { type: ecr, region: eu-west-1, access: push } }\n\
                  targets: [{ namespace: team-a, providers: [push] }]\n";
    let (code, report, logs) = run(&mut world.once(config, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    let uses = |name: &str| {
        let account = world.kube.object("serviceaccounts", "team-a", name).expect("it is there");
        let lists = [&account["imagePullSecrets"], &account["secrets"]];
        lists.map(|list| list.as_array().is_some_and(|list| list.iter().any(|it| it["name"] == "ecr-secret")))
    };
    assert_eq!((uses("default"), uses("builder")), ([false, false], [true, true]));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cluster_has_its_own_sink_and_a_dead_cluster_delays_no_other() {
    let world = World::new(&["team-a"]).await;
    let edge = FakeKube::start().await;
    edge.add_namespace("team-a", &["default"]);
    let kubeconfig = world.write("edge.yaml", &edge.kubeconfig());
    let main = world.dir.path().join("kubeconfig");
    let config = |server: &str| {
        format!(
            "sinks:\n  main: {{ type: openshift, kubeconfig: {}, server: '{server}' }}\n  edge: {{ type: kubernetes, kubeconfig: {} }}\n\
             targets:\n- {{ namespace: team-a, region: eu-west-1, sink: main }}\n- {{ namespace: team-a, region: eu-west-1, sink: edge }}\n",
            main.display(),
            kubeconfig.display()
        )
    };
    // This command lacks the flag that names one cluster.
    let once = |config: &str, args: &[&str]| {
        let mut command = regcred(&["once", "--output", "json", "--config"]);
        command.arg(world.write("regcred.yaml", config)).args(args);
        let whole = world.once(config, &[]);
        command.envs(whole.get_envs().filter_map(|(key, value)| Some((key, value?))));
        run(&mut command)
    };
    let (code, report, logs) = once(&config(&world.kube.url()), &[]);
    assert_eq!(code, 0, "{report:#} {logs}");
    let stores =
        report["targets"].as_array().expect("a list").iter().map(|it| it["store"].as_str()).collect::<Vec<_>>();
    assert_eq!(stores, [Some("edge"), Some("main")]);
    assert_eq!(
        (kept(&world.kube), kept(&edge)),
        (vec!["team-a/ecr-secret".to_owned()], vec!["team-a/ecr-secret".to_owned()])
    );
    assert_eq!(world.aws.issued().len(), 1, "one token for both");
    assert!(logs.contains("cluster edge: ") && logs.contains("cluster main: "), "{logs}");

    let (code, report, told) = once(&config("https://another.example:6443"), &[]);
    assert!(
        code == 1 && told.contains("cannot use the sink main: it is for the cluster at https://another.example:6443"),
        "{told}"
    );
    let stores =
        |report: &Value| report["targets"].as_array().map(|all| all.iter().map(|it| it["store"].clone()).collect());
    assert_eq!(stores(&report), Some(vec![json!("edge")]), "the other one is served: {report:#}");
    std::fs::remove_file(&kubeconfig).expect("it was there");
    let (code, report, _) = once(&config(&world.kube.url()), &[]);
    assert_eq!((code, stores(&report)), (1, Some(vec![json!("main")])), "{report:#}");
    assert!(report["sources_failed"][0]["error"].as_str().is_some_and(|it| it.contains("kubeconfig")), "{report:#}");
    world.write("edge.yaml", &edge.kubeconfig());
    let twins = config(&world.kube.url()).replace("edge.yaml", "kubeconfig");
    let (code, _, told) = once(&twins, &[]);
    assert!(
        code == 2
            && told.contains("cannot use the sinks edge and main: both are the cluster")
            && told.contains("ecr-secret"),
        "{told}"
    );
    let (code, _, told) = once(&config(&world.kube.url()), &["--context", "fake"]);
    assert!(code == 2 && told.contains("the config names several clusters, edge, main"), "{told}");

    world.write("edge.yaml", &edge.kubeconfig().replace(&edge.url(), "http://127.0.0.1:9"));
    world.kube.remove("secrets", "team-a", "ecr-secret");
    let (code, report, _) = once(&config(&world.kube.url()), &["--timeout", "20s"]);
    assert_eq!(code, 1, "{report:#}");
    assert_eq!(kept(&world.kube), ["team-a/ecr-secret"], "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_config_files_and_the_environment_are_merged() {
    let world = World::new(&["team-a", "team-b"]).await;
    let platform = "providers:\n  pull: { type: ecr, region: eu-west-1, external_id: x }\n\
                    targets: [{ namespace: team-a, providers: [pull] }]\n";
    let team = world.write("team.yaml", "schedule: '@hourly'\ntargets:\n- { namespace: team-b, providers: [pull] }\n");
    let mut once = world.once(platform, &["--output", "json", "--config"]);
    once.arg(&team).env("REGCRED__PROVIDERS__PULL__ROLE_ARN", "arn:aws:iam::123456789012:role/pull");
    once.env("REGCRED__PROVIDERS__PULL__EXTERNAL_ID", "0042");
    world.aws.require_external_id("arn:aws:iam::123456789012:role/pull", "0042");
    let (code, report, logs) = run(&mut once);
    assert_eq!((code, report["targets"].as_array().map(Vec::len)), (0, Some(2)), "{report:#} {logs}");

    let wrong = world.write("team.yaml", "targets:\n- { namespace: team-b, providers: [pul] }\n");
    let mut check = regcred(&["check", "--config"]);
    check.arg(world.write("regcred.yaml", platform)).arg("--config").arg(&wrong);
    check.env("REGCRED__PROVIDERS__PULL__REGOIN", "eu-west-1");
    let (code, _, told) = run(&mut check);
    assert_eq!(code, 2);
    for expected in [
        "error: environment REGCRED__PROVIDERS__PULL__REGOIN: providers.pull.regoin: this key is not known; did you mean `region`?",
        &format!(
            "error: {}:2: targets[0].providers[0]: `providers:` does not name \"pul\"; did you mean pull?",
            wrong.display()
        ),
    ] {
        assert!(told.contains(expected), "{told}");
    }
}
