//! `regcred plan` and `regcred status`: both read, report and write nothing.

use std::{process::Command, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::world::{World, of, run};

const CONFIG: &str = "targets:\n- { namespace: fresh, region: eu-west-1 }\n- { namespace: edited, region: eu-west-1 }\n\
                      - { namespace: unlinked, region: eu-west-1 }\n- { namespace: missing, region: us-east-1 }\n\
                      - { namespace: foreign, region: ap-south-1 }\n- { namespace: absent, region: eu-west-1 }\n";

fn command(world: &World, name: &str, args: &[&str]) -> Command {
    command_of(world, CONFIG, name, args)
}

/// Returns the command of `once` with another command's name.
fn command_of(world: &World, config: &str, name: &str, args: &[&str]) -> Command {
    let once = world.once(config, args);
    let mut command = Command::new(once.get_program());
    command.arg(name).args(once.get_args().skip(1)).env_clear();
    command.envs(once.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command
}

/// Returns a world with one target in each state.
async fn world() -> World {
    let world = World::new(&["fresh", "edited", "unlinked", "missing", "foreign"]).await;
    let entry = r#"{"auths":{"123456789012.dkr.ecr.ap-south-1.amazonaws.com":{"auth":"dTpw"}}}"#;
    let foreign =
        json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": STANDARD.encode(entry) } });
    world.kube.put("secrets", "foreign", "ecr-secret", foreign.clone(), "helm");
    for namespace in ["fresh", "edited", "unlinked"] {
        assert_eq!(run(&mut world.once(CONFIG, &["--target", namespace])).0, 0);
    }
    let mut edited = world.secret("edited").expect("it was written");
    edited["data"] = foreign["data"].clone();
    world.kube.put("secrets", "edited", "ecr-secret", edited, "kubectl-edit");
    let mut account = world.kube.object("serviceaccounts", "unlinked", "default").expect("it is there");
    account["imagePullSecrets"] = json!([]);
    world.kube.put("serviceaccounts", "unlinked", "default", account, "kubectl-edit");
    world
}

fn steps(report: &Value) -> Vec<(&str, &str)> {
    let targets = report["targets"].as_array().unwrap_or_else(|| panic!("{report:#}")).iter();
    targets.map(|it| (it["namespace"].as_str().expect("text"), it["step"].as_str().unwrap_or("-"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_prints_each_step_with_its_reason_and_writes_nothing() {
    let world = world().await;
    let (before, minted) = (world.kube.objects("secrets"), world.mints());
    world.kube.clear_requests();
    let (code, report, logs) = run(&mut command(&world, "plan", &["--output", "json"]));
    assert_eq!(code, 1, "one is refused: {report:#} {logs}");
    assert_eq!(
        steps(&report),
        [
            ("absent", "-"),
            ("edited", "repair"),
            ("foreign", "refuse"),
            ("fresh", "leave"),
            ("missing", "create"),
            ("unlinked", "link"),
        ]
    );
    assert_eq!(report["provider_calls"], 2, "one per region in which something is written");
    assert_eq!(of(&report, "missing").1, "it does not exist; links default, builder, pipeline");
    let missing = &report["targets"][4];
    assert_eq!(missing["links"], json!(["default", "builder", "pipeline"]), "{missing:#}");
    assert_eq!(of(&report, "edited").1, "its data was changed by \"kubectl-edit\"");
    assert_eq!(of(&report, "unlinked").1, "ServiceAccount default is not linked");
    assert!(of(&report, "foreign").1.starts_with("foreign: "), "{report:#}");
    assert_eq!((world.kube.objects("secrets"), world.mints()), (before, minted));
    assert!(world.kube.requests().iter().all(|it| matches!(it.verb.as_str(), "get" | "list")), "it reads only");

    let (_, adopting, _) = run(&mut command(&world, "plan", &["--output", "json", "--adopt", "--target", "foreign"]));
    assert_eq!(steps(&adopting), [("foreign", "adopt")]);
    let table = command(&world, "plan", &[]).output().expect("it starts");
    let table = String::from_utf8(table.stdout).expect("text");
    assert!(
        table.starts_with("NAMESPACE  SECRET      STEP    BYTES  WRITERS")
            && table.contains("repair  ~2770  kubectl-edit  its data was"),
        "{table}"
    );
    let sum = "6 targets: 1 create, 1 repair, 1 link, 1 leave, 1 refuse, 1 gone; 2 calls to providers, about 5540 bytes of logins\n";
    assert!(table.ends_with(sum), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_of_a_plan_shows_whether_anything_would_change() {
    let world = world().await;
    let code = |args: &[&str]| run(&mut command(&world, "plan", args)).0;
    let detailed = "--detailed-exitcode";
    assert_eq!(code(&[detailed, "--target", "fresh"]), 0);
    assert_eq!(code(&[detailed, "--target", "fresh", "--force"]), 10);
    assert_eq!(code(&[detailed, "--target", "unlinked"]), 10);
    assert_eq!(code(&["--target", "missing"]), 0, "a plan was made");
    assert_eq!(code(&[detailed, "--target", "foreign"]), 1);
    assert_eq!(code(&["--target", "nowhere"]), 2);
    world.aws.set_life(Duration::from_mins(2));
    assert_eq!(run(&mut world.once(CONFIG, &["--target", "missing"])).0, 0);
    assert_eq!(code(&[detailed, "--target", "missing"]), 0, "a short life is a life");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_lists_the_worst_targets_first_and_can_be_filtered() {
    let world = world().await;
    let calls = world.aws.calls().len();
    let (code, report, logs) = run(&mut command(&world, "status", &["--output", "json"]));
    assert_eq!(code, 1, "{report:#} {logs}");
    let states = |report: &Value| {
        let targets = report["targets"].as_array().expect("a list").iter();
        let text = |it: &Value, name: &str| it[name].as_str().expect("text").to_owned();
        targets.map(|it| format!("{} {}", text(it, "namespace"), text(it, "state"))).collect::<Vec<_>>()
    };
    let expected =
        ["missing missing", "foreign refused", "edited edited", "unlinked unlinked", "fresh fresh", "absent gone"];
    assert_eq!(states(&report), expected);
    let fresh = &report["targets"][4];
    assert!(fresh["expires_at"].as_str().is_some_and(|end| end.ends_with('Z')), "{report:#}");
    let told = (&fresh["owner"], &fresh["registries"], &fresh["used_by"]);
    let own = json!(["123456789012.dkr.ecr.eu-west-1.amazonaws.com"]);
    assert_eq!(told, (&json!("regcred"), &own, &json!(["default (pull)", "builder (pull, mount)"])));
    assert_eq!(report["targets"][1]["owner"], "helm");
    assert_eq!(world.aws.calls().len(), calls, "AWS is asked nothing");

    let narrowed = ["--output", "json", "--state", "edited", "--state", "fresh"];
    let (_, narrowed, _) = run(&mut command(&world, "status", &narrowed));
    assert_eq!(
        (states(&narrowed), &narrowed["total"]),
        (vec!["edited edited".into(), "fresh fresh".into()], &json!(6))
    );
    let (_, soon, _) = run(&mut command(&world, "status", &["--output", "json", "--within", "2h"]));
    assert_eq!((states(&soon), &soon["total"]), (vec![], &json!(6)), "all have twelve hours");
    let table = command(&world, "status", &["--target", "fresh"]).output().expect("it starts");
    assert_eq!(table.status.code(), Some(0));
    let table = String::from_utf8(table.stdout).expect("text");
    assert!(table.starts_with("NAMESPACE  SECRET      STATE  LEFT"), "{table}");
    assert!(
        table.contains("11h59m") && table.contains("default (pull)") && table.ends_with("1 of 1 target: 1 fresh\n"),
        "{table}"
    );

    let dead = world.kube.kubeconfig().replace(&world.kube.url(), "http://127.0.0.1:9");
    world.write("kubeconfig", &dead);
    let (code, report, _) = run(&mut command(&world, "status", &["--output", "json", "--timeout", "1s"]));
    assert_eq!(code, 3, "{report:#}");
    assert!(states(&report).iter().all(|it| it.ends_with(" failed")), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_does_not_work_is_never_reported_as_due() {
    let world = World::new(&["team-a", "team-b", "team-c"]).await;
    let entry = r#"{"auths":{"123456789012.dkr.ecr.eu-west-1.amazonaws.com":{"auth":"dTpw"}}}"#;
    let theirs =
        json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": STANDARD.encode(entry) } });
    for (namespace, name) in [("team-b", "ecr-secret"), ("team-c", "shared")] {
        world.kube.put("secrets", namespace, name, theirs.clone(), "kubectl-create");
    }
    assert_eq!(run(&mut world.once("targets: [{ namespace: team-a, region: eu-west-1 }]\n", &[])).0, 0);
    let config = "targets:\n- { namespace: team-a, region: eu-west-1 }\n- { namespace: team-a, region: us-east-1 }\n\
                  - { namespace: team-b, region: eu-west-1, secret: { adopt: true } }\n\
                  - { namespace: team-c, region: eu-west-1, secret: { name: shared, merge: true } }\n";
    let mut status = command_of(&world, config, "status", &["--output", "json"]);
    let (code, report, _) = run(&mut status);
    assert_eq!((code, &report["exit_code"]), (1, &json!(1)));
    assert_eq!(of(&report, "team-a"), ("incomplete".into(), "no login of ecr-us-east-1".into()));
    assert_eq!(of(&report, "team-b").0, "foreign");
    assert_eq!(of(&report, "team-c").0, "incomplete");
    let shown = run(status.args(["--state", "fresh"]));
    assert_eq!((shown.0, shown.1["targets"].as_array().map(Vec::len)), (0, Some(0)), "the code is of what is shown");
    let (code, _, told) = run(status.args(["--within", "2562047788015215h"]));
    assert_eq!(code, 0, "{told}");

    let (_, report, _) = run(&mut command_of(&world, config, "plan", &["--output", "json", "--changes"]));
    assert_eq!(report["targets"].as_array().map(Vec::len), Some(3), "each is to be written: {report:#}");
    assert!(of(&report, "team-a").1.contains("it has no login of ecr-us-east-1 with trusted dates"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_or_closed_standard_error_stops_nothing() {
    let world = World::new(&["team-a"]).await;
    let config = "targets: [{ namespace: team-a, region: eu-west-1 }]\n";
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let mut once = world.once(config, &["--force"]);
    let status = once.stderr(full()).stdout(std::process::Stdio::null()).status().expect("it starts");
    assert_eq!((status.code(), world.secret("team-a").is_some()), (Some(0), true));
    let mut bad = world.once("targets: []\n", &[]);
    assert_eq!(bad.stderr(full()).status().expect("it starts").code(), Some(2), "and the code is what it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_targets_are_shown_within_seconds() {
    let world = World::new(&[]).await;
    let names = (0..10_000).map(|number| format!("team-{number}")).collect::<Vec<_>>();
    for name in &names {
        world.kube.add_namespace(name, &["default"]);
    }
    let config = names.iter().map(|name| format!("- {{ namespace: {name}, region: eu-west-1 }}\n"));
    let config = format!("targets:\n{}", config.collect::<String>());
    let mut status = command_of(&world, &config, "status", &["--output", "json"]);
    let began = std::time::Instant::now();
    let (code, report, _) = run(&mut status);
    let took = began.elapsed();
    assert_eq!((code, report["targets"].as_array().map(Vec::len)), (1, Some(10_000)));
    assert!(took < Duration::from_secs(30), "also where nothing is optimised: {took:?}");
    println!("10,000 rows in {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_and_status_refuse_every_adoption_that_a_pass_refuses() {
    let world = World::new(&["team-a", "team-b"]).await;
    let secret = |auths: &str| json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": STANDARD.encode(auths) } });
    let more = r#"{"auths":{"123456789012.dkr.ecr.eu-west-1.amazonaws.com":{"auth":"QVdTOm9sZA=="},"quay.io":{"auth":"dTpw"}}}"#;
    world.kube.put("secrets", "team-a", "regs", secret(more), "kubectl-create");
    let alone = r#"{"auths":{"https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/v1/":{"auth":"QVdTOm9sZA=="}}}"#;
    world.kube.put("secrets", "team-b", "regs", secret(alone), "kubectl-create");
    let config = "targets: [{ namespaces: [team-a, team-b], region: eu-west-1, secret: { name: regs, adopt: true } }]";
    let why = "holds-more: it holds logins for \"quay.io\"";
    let (code, report, logs) = run(&mut command_of(&world, config, "plan", &["--output", "json"]));
    assert_eq!(code, 1, "{report:#} {logs}");
    assert_eq!(steps(&report), [("team-a", "refuse"), ("team-b", "adopt")]);
    assert!(of(&report, "team-a").1.contains(why), "{report:#}");
    let (code, report, logs) = run(&mut command_of(&world, config, "status", &["--output", "json"]));
    assert_eq!(code, 1, "{report:#} {logs}");
    assert!(of(&report, "team-a").1.contains(why) && of(&report, "team-a").1.contains("merge: true"), "{report:#}");
    assert!(of(&report, "team-b").1.contains("the next pass adopts it"), "{report:#}");
    let minted = world.aws.calls().into_iter().filter(|it| it.action == "GetAuthorizationToken").count();
    assert_eq!(minted, 0, "nothing was minted for that");
    let (code, report, logs) = run(&mut world.once(config, &["--output", "json"]));
    assert_eq!(code, 1, "{report:#} {logs}");
    assert!(
        report.to_string().contains("holds-more") && world.kube.object("secrets", "team-a", "regs").is_some(),
        "{report:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_a_client_would_not_use_is_reported_by_each_command() {
    let world = World::new(&["team-a"]).await;
    let helper = r#"{"auths":{},"credHelpers":{"123456789012.dkr.ecr.eu-west-1.amazonaws.com":"ecr-login"}}"#;
    let secret =
        json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": STANDARD.encode(helper) } });
    world.kube.put("secrets", "team-a", "regs", secret, "kubectl-create");
    let config = "targets: [{ namespace: team-a, region: eu-west-1, secret: { name: regs, merge: true } }]";
    let why = "a credential helper replaces the login for 123456789012.dkr.ecr.eu-west-1.amazonaws.com in Podman/Buildah/Skopeo, Docker";
    let (code, report, logs) = run(&mut world.once(config, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    assert!(report.to_string().contains(why), "{report:#}");
    for name in ["plan", "status"] {
        let (code, report, logs) = run(&mut command_of(&world, config, name, &["--output", "json"]));
        assert_eq!(code, 0, "{report:#} {logs}");
        assert!(of(&report, "team-a").1.contains(why), "{name}: {report:#}");
        assert!(name == "plan" || report["targets"][0]["state"] == "waiting", "it is not fresh: {report:#}");
    }
}
