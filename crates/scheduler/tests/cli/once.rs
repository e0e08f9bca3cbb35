//! `regcred once`: its effects and its exit codes.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use regcred_testkit::aws::Answer;
use serde_json::{Value, json};

use crate::world::{World, regcred, run};

const TWO: &str = "targets:\n- { namespace: team-a, region: eu-west-1 }\n- { namespace: team-b, region: us-east-1 }\n";

fn states(report: &Value) -> Vec<&str> {
    report["targets"].as_array().into_iter().flatten().filter_map(|it| it["state"].as_str()).collect()
}

fn refusal(code: &str, message: &str) -> Answer {
    Answer::Error { status: 400, code: code.into(), message: message.into(), retry_after: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_pass_writes_and_links_and_a_second_finds_everything_fresh() {
    let world = World::new(&["team-a", "team-b"]).await;
    let (code, report, logs) = run(&mut world.once(TWO, &["--output", "json"]));
    assert_eq!((code, states(&report)), (0, vec!["fresh", "fresh"]), "{logs}");
    assert!(report["targets"].as_array().expect("a list").iter().all(|it| it["done"] == "created"), "{report:#}");
    let secret = world.kube.object("secrets", "team-a", "ecr-secret").expect("it was written");
    assert_eq!(secret["metadata"]["annotations"]["regcred.dev/target"], "team-a/ecr-secret");
    let builder = world.kube.object("serviceaccounts", "team-b", "builder").expect("it is there");
    for list in ["imagePullSecrets", "secrets"] {
        assert!(builder[list].to_string().contains("ecr-secret"), "{builder:#}");
    }
    assert!(logs.contains(&world.kube.url()), "the server is named: {logs}");

    let (code, report, _) = run(&mut world.once(TWO, &["--output", "json"]));
    assert_eq!((code, world.mints()), (0, 2));
    assert!(report["targets"].as_array().expect("a list").iter().all(|it| it["step"] == "leave"), "{report:#}");
    assert_eq!(world.kube.object("secrets", "team-a", "ecr-secret"), Some(secret), "nothing was written");

    let (code, report, _) = run(&mut world.once(TWO, &["--output", "json", "--force", "--target", "team-b"]));
    assert_eq!((code, world.mints(), states(&report).len()), (0, 3, 1), "only team-b is refreshed");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_regions_of_one_namespace_share_one_secret() {
    let world = World::new(&["team-a"]).await;
    let both = "targets:\n- { namespace: team-a, region: eu-west-1 }\n\
                - { namespace: team-a, registry: 210987654321.dkr.ecr.us-east-1.amazonaws.com }\n";
    let (code, report, logs) = run(&mut world.once(both, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    let secret = world.kube.object("secrets", "team-a", "ecr-secret").expect("it was written");
    let hosts = secret["metadata"]["annotations"]["regcred.dev/hosts"].as_str().expect("an annotation");
    for host in ["123456789012.dkr.ecr.eu-west-1.amazonaws.com", "210987654321.dkr.ecr.us-east-1.amazonaws.com"] {
        assert!(hosts.contains(host), "{hosts}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn due_entries_are_refreshed_and_entries_of_a_dead_region_are_kept() {
    let world = World::new(&["team-a"]).await;
    let both = "targets:\n- { namespace: team-a, region: eu-west-1 }\n- { namespace: team-a, region: us-east-1 }\n";
    world.aws.set_life(Duration::from_mins(2));
    assert_eq!(run(&mut world.once(both, &[])).0, 0);
    let hosts = || {
        let secret = world.kube.object("secrets", "team-a", "ecr-secret").expect("it is there");
        let hosts = secret["metadata"]["annotations"]["regcred.dev/hosts"].as_str().expect("an annotation").to_owned();
        let hosts = serde_json::from_str::<Value>(&hosts).expect("JSON");
        let (eu, us) = ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "123456789012.dkr.ecr.us-east-1.amazonaws.com");
        (hosts[eu]["expires_at"].clone(), hosts[us]["expires_at"].clone())
    };
    let before = hosts();
    world.aws.set_life(Duration::from_hours(12));
    world.aws.answer_region_with("us-east-1", refusal("AccessDeniedException", "no"));
    let (code, report, _) = run(&mut world.once(both, &["--force", "--output", "json"]));
    let after = hosts();
    assert_eq!((code, states(&report)), (1, vec!["failed"]), "{report:#}");
    assert!(after.0 != before.0 && after.1 == before.1, "{before:?} {after:?}");
    assert_eq!(report["targets"][0]["done"], "updated");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_shows_whether_a_person_must_act() {
    let world = World::new(&["team-a", "team-b"]).await;
    let denied = "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:GetAuthorizationToken";
    world.aws.answer_with(refusal("AccessDeniedException", denied));
    let (code, report, _) = run(&mut world.once(TWO, &["--output", "json"]));
    assert_eq!((code, states(&report)), (2, vec!["failed", "failed"]));
    let why = report["targets"][0]["why"][0].as_str().expect("a reason");
    assert!(why.contains("ecr:GetAuthorizationToken") && why.contains("user/ci") && why.contains("(denied)"), "{why}");
    assert!(why.ends_with(" [RC0301]") && report["targets"][0]["codes"] == json!(["RC0301"]), "{report:#}");
    assert_eq!(world.mints(), 2, "a denied request is not repeated");
    assert_eq!(world.kube.objects("secrets").len(), 0);

    world.aws.answer_with(Answer::Token);
    world.kube.put("secrets", "team-a", "ecr-secret", json!({ "type": "Opaque", "data": {} }), "helm");
    let before = world.kube.object("secrets", "team-a", "ecr-secret");
    let (code, report, _) = run(&mut world.once(TWO, &["--output", "json"]));
    assert_eq!((code, states(&report)), (1, vec!["refused", "fresh"]), "{report:#}");
    assert_eq!(world.kube.object("secrets", "team-a", "ecr-secret"), before);

    world.kube.remove_namespace("team-a");
    let (code, report, _) = run(&mut world.once(TWO, &["--output", "json"]));
    assert_eq!((code, states(&report)), (0, vec!["gone", "fresh"]), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_api_server_or_provider_gives_exit_code_3() {
    let world = World::new(&["team-a"]).await;
    let one = "targets: [{ namespace: team-a, region: eu-west-1 }]";
    let closed = "http://127.0.0.1:9";
    let (code, report, _) =
        run(world.once(one, &["--output", "json", "--timeout", "1s"]).env("AWS_ENDPOINT_URL", closed));
    assert_eq!((code, states(&report)), (3, vec!["failed"]), "{report:#}");
    let dead = world.kube.kubeconfig().replace(&world.kube.url(), closed);
    world.write("kubeconfig", &dead);
    let (code, report, _) = run(&mut world.once(one, &["--output", "json", "--timeout", "1s"]));
    assert_eq!((code, states(&report)), (3, vec!["failed"]), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_input_gives_exit_code_2_and_changes_nothing() {
    let world = World::new(&["team-a"]).await;
    let one = "targets: [{ namespace: team-a, region: eu-west-1 }]";
    assert_eq!(run(&mut world.once(one, &[])).0, 0);
    let before = world.kube.objects("secrets");
    world.kube.clear_requests();
    let bad = [
        ("targets: [", None),
        ("targets: [{ namespace: Team, region: eu-west-1 }]", None),
        ("targets: [{ namespace: team-a, region: xx-west-1 }]", None),
        (one, Some(["--target", "team-x"])),
        (one, Some(["--timeout", "5"])),
        (one, Some(["--context", "elsewhere"])),
        (one, Some(["--output", "xml"])),
    ];
    for (config, args) in bad {
        let (code, _, error) = run(&mut world.once(config, args.as_ref().map_or(&[], |args| &args[..])));
        assert!(code == 2 && error.contains("error: "), "{config} {args:?}: {code} {error}");
    }
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL_STS"] {
        let (code, _, error) = run(world.once(one, &["--force"]).env(variable, "http://aws.example"));
        assert!(code == 2 && error.contains(variable) && error.contains("neither HTTPS nor on loopback"), "{error}");
    }
    let mut keyless = world.once(one, &["--force", "--output", "json"]);
    let (code, report, _) = run(keyless.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY"));
    assert_eq!(code, 2);
    assert!(
        report["targets"][0]["why"][0].as_str().expect("a reason").contains("cannot find AWS credentials"),
        "{report:#}"
    );
    assert_eq!(world.kube.objects("secrets"), before);
    assert!(world.kube.requests().iter().all(|it| it.verb == "get"), "{:?}", world.kube.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_ends_at_its_timeout() {
    let world = World::new(&["team-a"]).await;
    world.kube.hang(true);
    let one = "targets: [{ namespace: team-a, region: eu-west-1 }]";
    let (code, report, _) = run(&mut world.once(one, &["--output", "json", "--timeout", "2s"]));
    assert_eq!((code, states(&report)), (3, vec!["failed"]), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_prints_a_table_and_json_logs() {
    let world = World::new(&["team-a", "team-b"]).await;
    let output = world.once(TWO, &["--log-format", "json"]).output().expect("it starts");
    let table = String::from_utf8(output.stdout).expect("text");
    let lines = table.lines().collect::<Vec<_>>();
    assert!(lines[0].starts_with("NAMESPACE  SECRET      STATE  DONE     EXPIRES"), "{table}");
    assert!(lines[1].starts_with("team-a     ecr-secret  fresh  created  20"), "{table}");
    assert_eq!(lines[3], "2 targets: 2 fresh, 0 waiting, 0 gone, 0 contested, 0 refused, 0 failed");
    let logs = String::from_utf8(output.stderr).expect("text");
    let lines =
        logs.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    let first = lines.collect::<Vec<_>>().swap_remove(0);
    let cluster = format!("cluster {}/ (context fake)", world.kube.url());
    assert_eq!(first["message"], cluster, "named before it is written to");
    assert!(logs.contains("minted credential") && logs.contains("\"provider\":\"ecr-eu-west-1\""), "{logs}");
}

#[test]
fn the_version_is_printed() {
    let (code, version, _) = run(&mut regcred(&["version", "--output", "json"]));
    assert_eq!((code, &version["version"]), (0, &json!(env!("CARGO_PKG_VERSION"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_web_identity_is_distinguished_from_a_broken_network() {
    let world = World::new(&["team-a"]).await;
    let config = "targets: [{ namespace: team-a, region: eu-west-1 }]";
    let token = world.write("token", "a.web.identity");
    let attempt = |file: &str| {
        let mut command = world.once(config, &["--output", "json", "--timeout", "1s"]);
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").env_remove("AWS_SESSION_TOKEN");
        command.env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pull").env("AWS_WEB_IDENTITY_TOKEN_FILE", file);
        let (code, report, _) = run(&mut command);
        (code, report["targets"][0]["why"][0].as_str().expect("a reason").to_owned())
    };
    world.aws.answer_with(refusal("AccessDenied", "not you"));
    let (code, why) = attempt(&token.display().to_string());
    assert!(
        code == 2
            && why.contains("cannot call sts:AssumeRoleWithWebIdentity: AWS denied it: AccessDenied")
            && why.ends_with("(denied) [RC0301]"),
        "{code} {why}"
    );
    let (code, why) = attempt("/nonexistent");
    assert!(
        code == 2 && why.contains("cannot use the token file of the AWS identity, /nonexistent: it does not exist"),
        "{code} {why}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_links_do_not_hide_the_written_secrets() {
    let world = World::new(&["team-a", "team-b"]).await;
    world.kube.deny("patch", "serviceaccounts", None);
    let (code, report, _) = run(&mut world.once(TWO, &["--output", "json"]));
    assert_eq!((code, states(&report)), (1, vec!["failed", "failed"]), "{report:#}");
    assert!(report["targets"].as_array().expect("a list").iter().all(|it| it["done"] == "created"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_standard_output_does_not_fail_a_pass() {
    let world = World::new(&["team-a", "team-b"]).await;
    let mut once = world.once(TWO, &[]);
    let mut child = once.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_shows_progress_and_a_pipe_does_not() {
    let world = World::new(&["team-a", "team-b", "team-c"]).await;
    let config = "targets: [{ namespaces: [team-a, team-b, team-c], region: eu-west-1 }]\n";
    let once = world.once(config, &[]);
    let words = std::iter::once(once.get_program()).chain(once.get_args());
    let line = words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
    let mut terminal = Command::new("script");
    terminal.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_clear().env("HOME", "/nonexistent");
    terminal.env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("RUST_LOG", "warn");
    terminal.envs(once.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let output = terminal.output().expect("util-linux has a terminal");
    let seen = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{seen}");
    assert!(seen.contains("1 of 3 observed, 1 written, 0 failed"), "{seen}");
    let (_, table) = seen.rsplit_once("\u{1b}[2K").expect("the line is cleared at the end");
    assert!(table.starts_with("NAMESPACE") && !table.contains("observed"), "{seen}");
    let (_, _, logs) = run(&mut world.once(config, &[]));
    assert!(!logs.contains("observed") && !logs.contains('\r'), "{logs}");
}
