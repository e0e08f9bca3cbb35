//! `regcred init`: finds the Secrets of other tools, names their writers, and prints a config that adopts them. It only
//! reads.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::Command,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_testkit::Recipe;
use serde_json::{Value, json};

use crate::{
    canary::{around, forms},
    world::{World, of, regcred, run},
};

const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const SCRIPT: &str = "kubectl-client-side-apply";
const HOUR: Duration = Duration::from_hours(1);

#[expect(clippy::disallowed_methods, reason = "tokens of others end by the wall clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

pub(crate) fn init(world: &World, args: &[&str]) -> Command {
    let mut command = regcred(&["init"]);
    command.arg("--kubeconfig").arg(world.dir.path().join("kubeconfig")).args(args);
    command
}

/// Returns the exit code, the config and the report.
fn printed(command: &mut Command) -> (i32, String, String) {
    let output = command.output().expect("it starts");
    let [config, report] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).expect("text"));
    (output.status.code().expect("it exits"), config, report)
}

/// Returns a Secret with this Docker config.
fn login(config: &Value) -> Value {
    let data = json!({ ".dockerconfigjson": STANDARD.encode(config.to_string()) });
    json!({ "type": "kubernetes.io/dockerconfigjson", "data": data })
}

fn auths(hosts: &[&str]) -> Value {
    let entry = |host: &&str| ((*host).to_owned(), json!({ "auth": STANDARD.encode("AWS:secret") }));
    json!({ "auths": hosts.iter().map(entry).collect::<serde_json::Map<_, _>>() })
}

/// Returns the steps that a plan of this config prints.
fn steps(world: &World, config: &str) -> Vec<String> {
    let once = world.once(config, &["--output", "json"]);
    let mut plan = Command::new(once.get_program());
    plan.arg("plan").args(once.get_args().skip(1)).env_clear();
    plan.envs(once.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let (_, report, logs) = run(&mut plan);
    let targets = report["targets"].as_array().unwrap_or_else(|| panic!("{config}\n{report:#} {logs}"));
    let told = |it: &Value| {
        let text = |name: &str| it[name].as_str().unwrap_or("-").to_owned();
        format!("{}/{} {}", text("namespace"), text("secret"), text("step"))
    };
    targets.iter().map(told).collect()
}

/// Returns the shell commands in the comments of a config.
fn commands(config: &str) -> Vec<String> {
    let code = config.lines().filter_map(|it| it.trim_start().strip_prefix("#   "));
    code.filter(|it| it.contains("kubectl")).map(str::to_owned).collect()
}

/// Pastes a command into a shell. Returns the arguments for a `kubectl` that knows the namespaces of the CronJobs.
fn pasted(world: &World, command: &str) -> Vec<String> {
    let jobs = world.kube.objects("cronjobs");
    let places = jobs.iter().filter_map(|it| it["metadata"]["namespace"].as_str()).collect::<Vec<_>>().join(" ");
    let path = world.dir.path();
    let kubectl = format!(
        "#!/bin/sh\nif [ \"$*\" = \"get cronjobs --all-namespaces --field-selector metadata.name=ecr-creds-rotator \
         --output jsonpath={{.items[*].metadata.namespace}}\" ]; then echo {places}; else echo \"$*\"; fi\n"
    );
    fs::set_permissions(world.write("kubectl", &kubectl), fs::Permissions::from_mode(0o700)).expect("it is ours");
    let path = format!("{}:/usr/bin:/bin", path.display());
    let output = Command::new("sh").args(["-c", command]).env("PATH", path).output().expect("there is a shell");
    assert!(output.status.success(), "{command}: {output:?}");
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

/// Returns three projects with the shell recipe. One of them has an expired token, and in the last one the builder is
/// not linked.
async fn recipes() -> (World, Vec<Recipe>) {
    let world = World::new(&["team-a", "team-b", "team-c", "team-d"]).await;
    let mut all = vec![];
    for (namespace, ends_at) in [("team-a", now() + 9 * HOUR), ("team-b", now() - 3 * HOUR), ("team-c", now() + HOUR)] {
        let recipe = Recipe::new(HOST, ends_at);
        recipe.add_to(&world.kube, namespace);
        all.push(recipe);
    }
    let mut builder = world.kube.object("serviceaccounts", "team-c", "builder").expect("it is there");
    (builder["imagePullSecrets"], builder["secrets"]) = (json!([]), json!([]));
    world.kube.put("serviceaccounts", "team-c", "builder", builder, "oc");
    world.kube.clear_requests();
    (world, all)
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_the_recipe_are_found_adopted_and_then_left_unchanged() {
    let (world, _) = recipes().await;
    world.kube.add_namespace("openshift-config", &[]);
    let objects = json!([{ "kind": "Project" }, { "kind": "CronJob", "metadata": { "name": "ecr-creds-rotator" } }]);
    world.kube.put("templates", "openshift-config", "project-request", json!({ "objects": objects }), "oc");
    world.kube.clear_requests();
    let (code, config, report) = printed(&mut init(&world, &[]));
    assert_eq!(code, 0, "{config}{report}");
    let targets = config.split_once("targets:\n").expect("it has targets").1;
    assert_eq!(
        targets,
        "  # written by \"kubectl-client-side-apply\" (a script)\n  \
           # stop first:\n  \
           #   for it in team-a team-b; do kubectl patch cronjob ecr-creds-rotator --namespace $it --type merge --patch '{\"spec\":{\"suspend\":true}}'; done\n  \
           - namespaces: [team-a, team-b]\n    \
             region: eu-west-1\n    \
             accounts: [\"123456789012\"]\n    \
             secret: { name: ecr-secret, adopt: true }\n\n  \
           # written by \"kubectl-client-side-apply\" (a script)\n  \
           # stop first:\n  \
           #   kubectl patch cronjob ecr-creds-rotator --namespace team-c --type merge --patch '{\"spec\":{\"suspend\":true}}'\n  \
           - namespace: team-c\n    \
             region: eu-west-1\n    \
             accounts: [\"123456789012\"]\n    \
             secret: { name: ecr-secret, adopt: true }\n    \
             service_accounts: [{ name: default, link: [pull] }]\n"
    );
    let found = report.lines().skip(2).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let expected = [
        "expired team-b/ecr-secret 3h00m ago; 2 ServiceAccounts use it",
        "aws-key team-a/ecr-creds-rotator-secret and 2 others AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, beside a registry login: \
         everyone who can read Secrets there has this key",
        "writer openshift-config/project-request Template: each new project gets the job again, \
         until you remove the job and its objects from the template",
        "writer team-a/ecr-creds-rotator and 2 others CronJob of a script at \"*/5 * * * *\": the config contains the command that stops it",
        "3 Secrets with logins that expire: 3 to adopt, 0 to merge into, 0 kept already, 0 left out",
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected, "{report}");
    let requests = world.kube.requests();
    assert!(requests.iter().all(|it| it.verb == "list"), "it reads only: {requests:?}");
    assert_eq!(requests.iter().filter(|it| it.resource == "secrets" && it.metadata_only).count(), 1, "{requests:?}");
    assert!(world.aws.calls().is_empty());

    assert_eq!(
        steps(&world, &config),
        ["team-a/ecr-secret adopt", "team-b/ecr-secret adopt", "team-c/ecr-secret adopt"]
    );
    let (code, report, logs) = run(&mut world.once(&config, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    assert_eq!(of(&report, "team-a").0, "fresh");
    assert!(steps(&world, &config).iter().all(|it| it.ends_with(" leave")));
    let builder = world.kube.object("serviceaccounts", "team-c", "builder").expect("it is there");
    assert_eq!(builder["secrets"], Value::Null, "who did not use it does not now");

    world.kube.deny("list", "templates", None);
    let (code, again, told) = printed(&mut init(&world, &[]));
    assert!(code == 0 && !told.contains("emplate"), "a missing right to read it is not reported: {told}");
    assert!(again.contains("regcred owns it already") && !again.contains("adopt: true"), "{again}");
    assert_eq!(
        commands(&again).first().map(String::as_str),
        Some(
            "for it in team-a team-b; do kubectl patch cronjob ecr-creds-rotator --namespace $it --type merge \
             --patch '{\"spec\":{\"suspend\":true}}'; done"
        ),
        "what the report refers to: {again}"
    );
    assert!(again.contains("# still to stop:\n"), "{again}");
    assert!(steps(&world, &again).iter().all(|it| it.ends_with(" leave")), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_finding_is_printed_as_json_with_stable_names() {
    let (world, _) = recipes().await;
    let (code, report, logs) = run(&mut init(&world, &["--output", "json", "--namespace", "team-b"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    let secret = &report["secrets"][0];
    assert_eq!(report["secrets"].as_array().map(Vec::len), Some(1), "{report:#}");
    assert!(secret["expires_at"].as_str().is_some_and(|it| it.ends_with('Z')), "{secret:#}");
    let mut expected = json!({
        "namespace": "team-b", "secret": "ecr-secret", "becomes": "adopted", "why": null, "registries": [HOST],
        "other_logins": 0, "undecodable_entries": 0, "expires_at_is_estimate": false, "writers": [SCRIPT], "tool": "script",
        "instance": null, "merged_by": [], "odd_keys": [], "beside_auths": [], "hidden_from_readers": null, "wildcard_keys": [], "has_copy_in_annotation": true,
        "service_accounts": [{ "name": "builder", "link": ["pull", "mount"] }, { "name": "default", "link": ["pull"] }],
    });
    for time in ["expires_at", "written_at"] {
        expected[time] = secret[time].clone();
    }
    assert_eq!(*secret, expected);
    let stop = "kubectl patch cronjob ecr-creds-rotator --namespace team-b --type merge --patch '{\"spec\":{\"suspend\":true}}'";
    let writer = json!({
        "namespace": "team-b", "cronjob": "ecr-creds-rotator", "tool": "script", "schedule": "*/5 * * * *",
        "suspended": false, "stop": stop,
    });
    assert_eq!((&report["writers"], &report["templates"]), (&json!([writer]), &json!([])));
    let key = json!({
        "namespace": "team-b", "secret": "ecr-creds-rotator-secret", "beside_login": true,
        "names": ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
    });
    assert_eq!(report["aws_keys"], json!([key]));
    assert!(report["config"].as_str().is_some_and(|it| it.contains("namespace: team-b\n")), "{report:#}");
    let scopes = world.kube.requests().into_iter().map(|it| it.namespace).collect::<Vec<_>>();
    assert!(scopes.iter().all(|it| it.as_deref() == Some("team-b")), "{scopes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_cannot_be_adopted_are_merged_into_or_skipped_with_a_reason() {
    let names =
        ["others", "applied", "controlled", "frozen", "legacy", "blue", "public", "both", "nonsense", "odd", "bad"];
    let world = World::new(&names).await;
    let put = |namespace: &str, object: Value, manager: &str| {
        world.kube.put("secrets", namespace, "ecr-secret", object, manager);
    };
    put("others", login(&auths(&[HOST, "quay.io"])), "kubectl-edit");
    put("both", login(&auths(&[HOST, "public.ecr.aws"])), "helm");
    put("public", login(&auths(&["public.ecr.aws"])), "helm");
    put("nonsense", login(&json!({ "auths": [] })), "helm");
    put(
        "odd",
        login(&json!({ "auths": { format!("https://{HOST}/v2/"): { "username": "me", "password": "secret" } } })),
        "x",
    );
    put("bad", login(&json!({ "auths": { HOST: {}, "quay.io": { "auth": "?" } } })), "x");
    world.kube.add_namespace("openshift-config", &[]);
    let global = login(&auths(&[HOST, "quay.io"]));
    world.kube.put("secrets", "openshift-config", "pull-secret", global, "cluster-bootstrap");
    let mut frozen = login(&auths(&[HOST]));
    frozen["immutable"] = json!(true);
    put("frozen", frozen, "x");
    let mut controlled = login(&auths(&[HOST]));
    let owner =
        json!({ "apiVersion": "e/v1", "kind": "ExternalSecret", "name": "ecr", "uid": "u", "controller": true });
    controlled["metadata"]["ownerReferences"] = json!([owner]);
    put("controlled", controlled, "externalsecrets.external-secrets.io/ecr");
    let mut blue = login(&auths(&[HOST]));
    blue["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "regcred", "regcred.dev/instance": "blue" });
    put("blue", blue, "regcred/blue");
    put("applied", login(&auths(&[HOST])), "argocd-controller");
    let mut applied = world.secret("applied").expect("it is there");
    applied["metadata"]["managedFields"][0]["operation"] = json!("Apply");
    world.kube.put_raw("secrets", "applied", "ecr-secret", applied);
    let cfg = auths(&[HOST])["auths"].to_string();
    put("legacy", json!({ "type": "kubernetes.io/dockercfg", "data": { ".dockercfg": STANDARD.encode(cfg) } }), "oc");

    let (code, report, logs) = run(&mut init(&world, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    let told = |namespace: &str| {
        let secrets = report["secrets"].as_array().expect("a list");
        let it =
            secrets.iter().find(|it| it["namespace"] == namespace).unwrap_or_else(|| panic!("{namespace}: {report:#}"));
        (it["becomes"].as_str().expect("text"), it["why"].as_str().unwrap_or_default().to_owned())
    };
    for (namespace, becomes, why) in [
        ("others", "merged", ""),
        ("both", "adopted", ""),
        ("odd", "adopted", ""),
        ("openshift-config", "left-out", "every node"),
        ("public", "adopted", ""),
        ("frozen", "left-out", "immutable: "),
        ("legacy", "left-out", "wrong-type: "),
        ("applied", "left-out", "applied by \"argocd-controller\""),
        ("controlled", "left-out", "controlled by \"ExternalSecret\""),
        ("blue", "left-out", "regcred's instance \"blue\""),
        ("bad", "merged", ""),
    ] {
        let (told, reason) = told(namespace);
        assert!(told == becomes && reason.contains(why), "{namespace}: {told} {reason}");
    }
    assert!(
        told("controlled").1.contains("when the Secret has no owner any more, delete its ExternalSecret"),
        "{report:#}"
    );
    assert_eq!(report["unreadable"], json!([{ "namespace": "nonsense", "secret": "ecr-secret" }]));
    let config = report["config"].as_str().expect("there is one").to_owned();
    assert!(config.contains("# Left out: blue/ecr-secret: regcred's instance"), "{config}");
    assert!(config.contains("not all of its logins have the user name AWS"), "{config}");
    let told = config.replace("\n  #   ", " ");
    assert!(told.contains("not every reader gets the renewed login"), "{config}");
    assert!(told.contains("Docker cannot use any login of it: correct or remove \"quay.io\""), "{config}");
    for stop in ["stop first: that writer", "stop first: the writer of those logins"] {
        assert!(config.contains(stop), "{config}");
    }
    assert!(config.contains("service_accounts: []"), "no ServiceAccount uses it or will use it: {config}");
    let minted = world.mints();
    let steps = steps(&world, &config);
    assert!(steps.contains(&"odd/ecr-secret adopt".to_owned()) && steps.len() == 5, "{steps:?}");
    let (code, report, logs) = run(&mut world.once(&config, &["--output", "json"]));
    assert_eq!((code, world.mints()), (0, minted + 2), "one token of ECR and one of ECR Public: {report:#} {logs}");
    let kept =
        STANDARD.decode(world.secret("others").expect("there")["data"][".dockerconfigjson"].as_str().expect("text"));
    assert!(String::from_utf8(kept.expect("base64")).expect("text").contains("quay.io"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_of_every_form_and_region_are_adopted_by_the_generated_config() {
    let world = World::new(&["a", "on", "c", "d"]).await;
    let hosts: [(&str, &[&str]); 4] = [
        ("a", &[HOST, "123456789012.dkr-ecr.eu-west-1.on.aws"]),
        ("on", &["000000000001.dkr.ecr.us-east-1.amazonaws.com", "123456789012.dkr-ecr-fips.us-east-1.on.aws", HOST]),
        (
            "c",
            &["210987654321.dkr.ecr-fips.eu-west-1.amazonaws.com", "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn"],
        ),
        ("d", &["123456789012.dkr.ecr.us-moon-1.amazonaws.com"]),
    ];
    for (namespace, hosts) in hosts {
        world.kube.put("secrets", namespace, "1.pull", login(&auths(hosts)), "x");
    }
    let (code, config, report) = printed(&mut init(&world, &[]));
    assert_eq!(code, 0, "{report}");
    assert!(config.contains("aliases: [dualstack]") && config.contains("aliases: all"), "{config}");
    assert!(config.contains("ecr-eu-west-1:\n") && config.contains("ecr-eu-west-1-2:\n"), "{config}");
    assert!(config.contains("- namespace: \"on\"\n") && config.contains("name: \"1.pull\""), "{config}");
    assert!(
        config.contains("# Left out: d/1.pull: \"us-moon-1\" is not an AWS region, such as eu-west-1."),
        "{config}"
    );
    assert_eq!(steps(&world, &config), ["a/1.pull adopt", "c/1.pull adopt", "on/1.pull adopt"], "{config}");
    let (code, report, logs) = run(&mut world.once(&config, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_cannot_inject_yaml_or_commands() {
    let world = World::new(&["team-a"]).await;
    let evil = "x\n    adopt: {}\u{2028}targets: [evil]\u{202e}\x1b[2J";
    world.kube.put("secrets", "team-a", "ecr-secret", login(&auths(&[HOST])), evil);
    world.kube.put("secrets", "team-a", "other", login(&auths(&[HOST])), evil);
    let mut owned = world.kube.object("secrets", "team-a", "other").expect("it is there");
    owned["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "v1", "kind": evil, "name": evil, "uid": "u", "controller": true }]);
    world.kube.put_raw("secrets", "team-a", "other", owned);
    let spec = json!({ "schedule": evil, "jobTemplate": {} });
    world.kube.put("cronjobs", "team-a", "ecr-token-'$(reboot)\n", json!({ "spec": spec }), "x");
    let (code, config, report) = printed(&mut init(&world, &[]));
    assert_eq!(code, 0, "{report}");
    let shown = |text: &str| text.chars().all(|it| it == '\n' || it == ' ' || it.is_ascii_graphic());
    assert!(shown(&config) && shown(&report), "{config:?} {report:?}");
    let evil_lines = config.lines().filter(|line| line.contains("evil") || line.contains("reboot"));
    assert!(
        evil_lines.clone().count() >= 2 && evil_lines.clone().all(|line| line.trim_start().starts_with('#')),
        "{config}"
    );
    assert!(!config.contains("kubectl patch"), "it is not given to a shell: {config}");
    assert_eq!(steps(&world, &config), ["team-a/ecr-secret adopt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_list_is_reported_with_the_missing_right_and_stops_nothing_else() {
    let (world, _) = recipes().await;
    world.kube.deny("list", "cronjobs", None);
    world.kube.deny("list", "serviceaccounts", None);
    let (code, config, report) = printed(&mut init(&world, &[]));
    assert_eq!(code, 1, "{report}");
    for right in
        ["grant cluster-wide: apiGroups [\"batch\"], resources [cronjobs], verbs [list]", "resources [serviceaccounts]"]
    {
        assert!(report.contains(right), "{report}");
    }
    assert!(
        config.contains("the ServiceAccounts that use it could not be listed") && config.contains("adopt: true"),
        "{config}"
    );
    assert!(config.contains("stop first: suspend the job that runs the script"), "{config}");
    assert_eq!(steps(&world, &config).len(), 3);

    world.kube.deny("list", "secrets", None);
    let (code, config, report) = printed(&mut init(&world, &[]));
    assert_eq!((code, config.as_str()), (2, ""), "{report}");
    assert!(
        report.contains(
            "grant cluster-wide: apiGroups [\"\"], resources [secrets], verbs [list]; or search only namespaces where that is \
             allowed, with --namespace"
        ),
        "{report}"
    );
    world.kube.allow_all();
    world.kube.deny("list", "secrets", Some("team-a"));
    let (code, config, report) = printed(&mut init(&world, &["--namespace", "team-a", "--namespace", "team-b"]));
    assert_eq!(code, 1, "{report}");
    assert_eq!(report.matches("grant in namespace team-a: ").count(), 1, "{report}");
    assert!(report.contains("not-listed") && config.contains("namespace: team-b"), "{report}{config}");
    world.kube.fail_next(2, 503, "ServiceUnavailable", "canary", Some(0));
    assert_eq!(printed(&mut init(&world, &["--namespace", "team-b"])).0, 0, "what fails for a moment is tried again");

    world.write("kubeconfig", &world.kube.kubeconfig().replace(&world.kube.url(), "http://127.0.0.1:9"));
    let (code, config, report) = printed(&mut init(&world, &["--timeout", "5s"]));
    assert_eq!((code, config.as_str()), (3, ""), "{report}");
    world.kube.hang(true);
    world.write("kubeconfig", &world.kube.kubeconfig());
    let (code, _, report) = printed(&mut init(&world, &["--timeout", "300ms"]));
    assert_eq!(code, 3, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merged_secret_stays_merged_and_a_merge_of_another_instance_is_skipped() {
    let world = World::new(&["team-a", "team-b"]).await;
    world.kube.put("secrets", "team-a", "ecr-secret", login(&auths(&["quay.io", HOST])), "helm");
    let (_, config, _) = printed(&mut init(&world, &[]));
    assert!(config.contains("merge: true"), "{config}");
    let (code, report, logs) = run(&mut world.once(&config, &["--output", "json"]));
    assert_eq!((code, of(&report, "team-a").0.as_str()), (0, "fresh"), "{report:#} {logs}");
    let (code, again, told) = printed(&mut init(&world, &[]));
    assert_eq!(code, 0, "{told}");
    assert!(again.contains("regcred already merges logins into it"), "{again}");
    assert!(again.contains("secret: { name: ecr-secret, merge: true }\n"), "{again}");
    assert!(!again.contains("written by") && !again.contains("stop"), "not what regcred itself does: {again}");
    assert!(told.contains("0 to merge into, 1 kept already"), "{told}");
    assert_eq!(steps(&world, &again), ["team-a/ecr-secret leave"]);
    let (_, report, _) = run(&mut init(&world, &["--output", "json"]));
    let secret = &report["secrets"][0];
    assert_eq!((&secret["becomes"], &secret["merged_by"]), (&json!("kept"), &json!(["default"])));

    world.kube.put("secrets", "team-b", "ecr-secret", login(&auths(&["quay.io", HOST])), "helm");
    let blue = format!("instance: blue\n{}", again.replace("namespace: team-a", "namespace: team-b"));
    let (code, report, logs) = run(&mut world.once(&blue, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    let (_, config, told) = printed(&mut init(&world, &[]));
    assert!(config.contains("Left out: team-b/ecr-secret: regcred's instance \"blue\" keeps logins in it"), "{config}");
    assert!(told.contains("1 kept already, 1 left out"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_registry_keys_are_found_and_kept_beside_the_keys_of_regcred() {
    let world = World::new(&["capitals", "path", "port"]).await;
    let odd = [("port", format!("{HOST}:443")), ("path", format!("{HOST}/team")), ("capitals", HOST.to_uppercase())];
    for (namespace, key) in &odd {
        world.kube.put("secrets", namespace, "ecr-secret", login(&auths(&[key])), "x");
    }
    let (code, config, report) = printed(&mut init(&world, &[]));
    assert_eq!(code, 0, "{report}");
    let told = config.replace("\n  #   ", " ");
    assert!(told.contains("# some of its keys are not plain hosts: \"12345"), "{config}");
    assert!(told.contains(&format!("\"{HOST}/team\"")) && config.contains(&HOST.to_uppercase()), "{config}");
    let merged = ["capitals/ecr-secret refresh", "path/ecr-secret refresh", "port/ecr-secret refresh"];
    assert_eq!(steps(&world, &config), merged, "{config}");
    let (code, report, logs) = run(&mut world.once(&config, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    for (namespace, key) in &odd {
        let kept = world.secret(namespace).expect("it is there");
        let kept = STANDARD.decode(kept["data"][".dockerconfigjson"].as_str().expect("text")).expect("base64");
        let kept = serde_json::from_slice::<Value>(&kept).expect("JSON");
        let auths = kept["auths"].as_object().expect("an object");
        assert!(
            auths.len() == 2 && auths[key.as_str()] == auths[HOST],
            "{namespace}: readers of the key get the new login"
        );
    }
}

fn cron_job(pod: &Value) -> Value {
    json!({ "spec": { "schedule": "0 */6 * * *", "jobTemplate": { "spec": { "template": { "spec": pod } } } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_job_is_ignored_and_a_namespace_without_a_known_writer_is_reported() {
    let world = World::new(&["team-a", "team-b", "team-c"]).await;
    for namespace in ["team-a", "team-b", "team-c"] {
        world.kube.put("secrets", namespace, "ecr", login(&auths(&[HOST])), "kubectl-create");
    }
    let heredoc = "T=$(aws ecr get-login-password)\ncat <<E | kubectl apply -f -\nkind: Secret\nE";
    let mirror =
        "aws secretsmanager get-secret-value --secret-id q; aws ecr get-login-password | skopeo login; skopeo sync";
    let running = |script: &str| {
        cron_job(&json!({ "containers": [{ "name": "c", "image": "cli", "command": ["sh", "-c", script] }] }))
    };
    world.kube.put("cronjobs", "team-a", "pull-refresh", running(heredoc), "kubectl-create");
    world.kube.put("cronjobs", "team-b", "mirror", running(mirror), "kubectl-create");
    let mounted = json!({
        "containers": [{ "name": "c", "image": "cli", "command": ["sh", "/scripts/run.sh"] }],
        "volumes": [{ "name": "scripts", "configMap": { "name": "scripts" } }],
    });
    world.kube.put("cronjobs", "team-c", "nightly", cron_job(&mounted), "kubectl-create");
    let script =
        json!({ "data": { "run.sh": "aws ecr get-login-password\nkubectl create secret docker-registry ecr" } });
    world.kube.put("configmaps", "team-c", "scripts", script, "kubectl-create");

    let (code, config, report) = printed(&mut init(&world, &[]));
    assert_eq!(code, 0, "{report}");
    let told = config.replace("\n  #   ", " ");
    assert!(told.contains("kubectl patch cronjob pull-refresh --namespace team-a"), "{config}");
    assert!(told.contains("kubectl patch cronjob nightly --namespace team-c"), "{config}");
    assert!(!told.contains("cronjob mirror"), "{config}");
    assert!(
        told.contains("stop first in team-b, where no job was found: suspend the job that runs the script"),
        "{config}"
    );

    world.kube.deny("get", "configmaps", Some("team-c"));
    let (code, config, report) = printed(&mut init(&world, &[]));
    assert_eq!(code, 0, "{report}");
    assert!(
        config.replace("\n  #   ", " ").contains("stop first in team-b, team-c, where no job was found"),
        "{config}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wildcard_key_is_reported_and_each_tool_has_migration_steps() {
    let world = World::new(&["wild", "both", "provisioned", "copied"]).await;
    let put = |namespace: &str, object: Value| world.kube.put("secrets", namespace, "ecr", object, "manager");
    put("wild", login(&auths(&["*.dkr.ecr.eu-west-1.amazonaws.com"])));
    put("both", login(&auths(&[HOST, "*.dkr.ecr.eu-west-1.amazonaws.com"])));
    let mut provisioned = login(&auths(&[HOST]));
    provisioned["metadata"]["labels"] = json!({ "imagepullsecrets.preferred.jp/service-account": "default" });
    put("provisioned", provisioned);
    let mut copied = login(&auths(&[HOST]));
    let owner = json!({ "apiVersion": "ops.alexellis.io/v1", "kind": "ClusterPullSecret", "name": "p", "uid": "u", "controller": true });
    copied["metadata"]["ownerReferences"] = json!([owner]);
    put("copied", copied);
    let (code, config, report) = printed(&mut init(&world, &[]));
    assert_eq!(code, 0, "{report}");
    let told = config.replace("\n  #   ", " ").replace("\n#   ", " ");
    for words in [
        "wild/ecr: its logins are for *.dkr.ecr.eu-west-1.amazonaws.com, which only the kubelet and OpenShift's image import read",
        "some of its keys have wildcards: \"*.dkr.ecr.eu-west-1.amazonaws.com\"",
        "remove the label imagepullsecrets.preferred.jp/service-account from the Secret first",
        "delete a ClusterPullSecret with --cascade=orphan",
    ] {
        assert!(told.contains(words), "{words}: {config}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_differ_within_one_entry_are_listed_with_the_reason() {
    let world = World::new(&["a", "b", "c", "d"]).await;
    let me = json!({ "auths": { HOST: { "username": "me", "password": "secret" } } });
    for (namespace, config) in [("a", auths(&[HOST])), ("b", me)] {
        world.kube.put("secrets", namespace, "pull", login(&config), "x");
    }
    let mut store = auths(&[HOST]);
    store["credsStore"] = json!("ecr-login");
    store["credHelpers"] = json!({ HOST: "ecr-login" });
    for (namespace, config) in [("c", store), ("d", auths(&[HOST, "quay.io"]))] {
        world.kube.put("secrets", namespace, "config", login(&config), "x");
    }
    let (code, config, report) = printed(&mut init(&world, &[]));
    assert_eq!(code, 0, "{report}");
    let told = config.replace("\n  #   ", " ");
    assert!(told.contains("not all of its logins have the user name AWS in b: are they"), "{config}");
    let why =
        "it holds other logins in d; it holds more than `auths` in c, `credHelpers`, `credsStore`. Its owner keeps it";
    assert!(told.contains(why), "{config}");
    assert!(
        told.contains("not every reader gets the renewed login in c: a credential helper replaces the login for"),
        "{config}"
    );
    let (_, config, _) = printed(&mut init(&world, &["--namespace", "c"]));
    assert!(
        config.contains("# it holds more than `auths`, `credHelpers`, `credsStore`. Its owner keeps it"),
        "{config}"
    );
    assert!(!config.contains("it holds other logins"), "none do: {config}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_ecr_secrets_gets_a_commented_example_target() {
    let world = World::new(&["team-a"]).await;
    world.kube.put("secrets", "team-a", "pull", login(&auths(&["quay.io"])), "x");
    world.kube.deny("list", "serviceaccounts", None);
    let (code, config, report) = printed(&mut init(&world, &[]));
    assert_eq!(code, 0, "without a Secret, its users are not requested: {report}");
    assert!(config.lines().all(|line| line.starts_with('#')) && config.contains("nothing to take over"), "{config}");
    assert!(
        report
            .ends_with("0 Secrets with logins that expire: 0 to adopt, 0 to merge into, 0 kept already, 0 left out\n"),
        "{report}"
    );
    assert!(!report.contains("nothing  "), "no namespace was requested: {report}");
    let entry = config.split_once("# targets:").expect("there is one").1.replace("\n# ", "\n");
    assert_eq!(steps(&world, &format!("targets:{entry}")), ["team-a/ecr-secret create"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_namespace_without_ecr_secrets_is_reported() {
    let (world, _) = recipes().await;
    let named = ["--namespace", "team-a", "--namespace", "team-d", "--namespace", "typo", "--namespace", "typo"];
    let rows = |report: &str| {
        let rows = report.lines().filter(|it| it.starts_with("nothing"));
        rows.map(|it| it.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    let (code, _, report) = printed(&mut init(&world, &named));
    assert_eq!(code, 0, "{report}");
    assert_eq!(rows(&report), ["team-d no login that expires was found there", "typo there is no such namespace"]);
    let (_, report, _) = run(&mut init(&world, &[&named[..], &["--output", "json"]].concat()));
    let nothing = json!([{ "namespace": "team-d", "exists": true }, { "namespace": "typo", "exists": false }]);
    assert_eq!(report["nothing_in"], nothing);
    world.kube.deny("get", "namespaces", None);
    world.kube.deny("list", "secrets", Some("team-d"));
    let (code, _, report) = printed(&mut init(&world, &named));
    assert_eq!((code, rows(&report)), (1, vec!["typo no login that expires was found there".to_owned()]), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn init_prints_no_login_and_no_key_at_any_log_level() {
    let (world, recipes) = recipes().await;
    let broken = Recipe::new("x\n.example", now());
    let mut nonsense = broken.secret();
    let text = format!("{{\"auths\":\"{}\"}}", broken.password);
    nonsense["data"][".dockerconfigjson"] = STANDARD.encode(text).into();
    world.kube.put("secrets", "team-d", "nonsense", nonsense, "x");
    let silent = |args: &[&str], code: i32| {
        let output = init(&world, args).env("RUST_LOG", "trace").output().expect("it starts");
        let printed = [output.stdout, output.stderr].map(|it| String::from_utf8(it).expect("text")).join("\n");
        assert_eq!(output.status.code(), Some(code), "{printed}");
        for recipe in recipes.iter().chain([&broken]) {
            let keys = [recipe.secret_key.clone(), STANDARD.encode(&recipe.secret_key), "bearer-of-the-fake".into()];
            for form in forms(&recipe.password).into_iter().chain(keys) {
                assert!(!printed.contains(&form), "a secret was printed: {}", around(&printed, &form));
            }
        }
    };
    silent(&[], 0);
    silent(&["--output", "json"], 0);
    silent(&["--log-format", "json"], 0);
    world.kube.answer_next(1, 200, "application/json", &[], &recipes[0].secret().to_string());
    silent(&["--timeout", "500ms"], 3);
    world.kube.fail_next(9, 400, "Odd", &recipes[0].password, None);
    silent(&["--timeout", "500ms"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_hundred_namespaces_are_listed_in_pages_and_merged_into_one_entry() {
    let world = World::new(&[]).await;
    let recipe = Recipe::new(HOST, now() + HOUR);
    let many = 1200;
    for number in 0..many {
        let namespace = format!("team-{number:04}");
        world.kube.add_namespace(&namespace, &["default"]);
        recipe.add_to(&world.kube, &namespace);
    }
    world.kube.clear_requests();
    let began = std::time::Instant::now();
    let (code, config, report) = printed(&mut init(&world, &[]));
    println!("{many} namespaces in {:?}", began.elapsed());
    assert_eq!(code, 0, "{report}");
    assert_eq!(world.kube.requests().len(), 4 * 3 + 2, "three pages of four lists, and two empty lists");
    assert_eq!(config.matches("- namespaces: [").count(), 1, "{config}");
    assert!(
        config.lines().filter(|it| !it.contains("kubectl")).all(|line| line.len() <= 130),
        "lines are for people, commands to be pasted"
    );
    assert!(config.contains("# stop first, in each of the 1200 namespaces that have it:\n"), "{config}");
    let [command] = &commands(&config)[..] else { panic!("{config}") };
    let patched = pasted(&world, command);
    assert_eq!(patched.len(), many);
    let last =
        r#"patch cronjob ecr-creds-rotator --namespace team-1199 --type merge --patch {"spec":{"suspend":true}}"#;
    assert_eq!(patched.last().map(String::as_str), Some(last));
    assert!(report.contains("and 1199 others"), "{report}");
    assert_eq!(steps(&world, &config).iter().filter(|it| it.ends_with(" adopt")).count(), many);
}
