//! `regcred check --online`: it asks, says what is wrong and how to mend it, and writes nothing.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use regcred_testkit::aws::Answer;
use serde_json::{Value, json};

use crate::world::{World, run};

const TWO: &str = "targets:\n- { namespace: team-a, region: eu-west-1 }\n- { namespace: team-b, region: us-east-1 }\n";
const ROLE: &str = "arn:aws:iam::210987654321:role/pull";

pub(crate) fn online(world: &World, config: &str, args: &[&str]) -> Command {
    let once = world.once(config, args);
    let mut command = Command::new(once.get_program());
    command.args(["check", "--online"]).args(once.get_args().skip(1)).env_clear();
    command.envs(once.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command
}

/// A cluster in which nobody may write in `kube-system`.
async fn world(namespaces: &[&str]) -> World {
    let world = World::new(namespaces).await;
    world.kube.deny("create", "secrets", Some("kube-system"));
    world
}

fn checked(world: &World, config: &str) -> (i32, Value) {
    let (code, report, logs) = run(&mut online(world, config, &["--output", "json"]));
    assert_eq!(report["exit_code"], code, "{report:#} {logs}");
    (code, report)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The rows of one check, each as `RESULT subject: message`.
fn rows(report: &Value, check: &str) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap_or_else(|| panic!("{report:#}")).iter();
    let of = checks.filter(|it| it["check"] == check);
    of.map(|it| format!("{} {}: {}", text(&it["result"]), text(&it["subject"]), text(&it["message"]))).collect()
}

/// The fix of the one failure or warning of a check.
fn fix(report: &Value, check: &str) -> String {
    let checks = report["checks"].as_array().expect("a list").iter();
    let fixes = checks.filter(|it| it["check"] == check && it["result"] != "ok").map(|it| text(&it["fix"]).to_owned());
    let fixes = fixes.collect::<Vec<_>>();
    assert!(fixes.len() == 1 && !fixes[0].is_empty(), "{fixes:?} {report:#}");
    fixes.concat()
}

fn of_aws(role: &str, more: &str) -> String {
    format!(
        "providers: {{ pull: {{ type: ecr, region: eu-west-1, {role} {more} }} }}\n\
         targets: [{{ namespace: team-a, providers: [pull] }}]\n"
    )
}

fn denial(code: &str) -> Answer {
    Answer::Error { status: 400, code: code.into(), message: "no".into(), retry_after: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_is_well_every_row_says_so_and_nothing_is_written() {
    let world = world(&["team-a", "team-b"]).await;
    let before = (world.kube.objects("secrets"), world.kube.objects("serviceaccounts"));
    world.kube.clear_requests();
    let (code, report) = checked(&world, TWO);
    assert_eq!(code, 0, "{report:#}");
    let user = "ok chain: arn:aws:iam::123456789012:user/standin (account 123456789012)";
    assert_eq!(rows(&report, "identity"), [user]);
    let tokens = rows(&report, "token");
    let opens = "ok eu-west-1 by chain: a token for 123456789012.dkr.ecr.eu-west-1.amazonaws.com until 2";
    assert!(tokens.len() == 2 && tokens[0].starts_with(opens), "{tokens:?}");
    let clocks = rows(&report, "clock");
    assert!(clocks.len() == 2 && clocks.iter().all(|it| it.contains("clock agrees with it to ")), "{clocks:?}");
    assert_eq!(
        rows(&report, "cluster"),
        [format!("ok {}/: context standin, v1.33.0-standin, as standin", world.kube.url())]
    );
    assert_eq!(rows(&report, "namespaces"), ["ok of the config: 2 are there"]);
    let may = "may get, create, patch secrets ecr-secret; get, patch serviceaccounts default, builder, pipeline";
    assert_eq!(rows(&report, "rights"), [format!("ok team-a, team-b: {may}")]);
    assert_eq!(rows(&report, "guard"), ["ok kube-system: may not write Secret ecr-secret there"]);
    assert_eq!(rows(&report, "listing"), [""; 0], "two are read one by one anyway");

    let asked = world.kube.requests();
    let reads = |verb: &str, resource: &str| {
        matches!(verb, "get" | "list") || (verb == "create" && resource.starts_with("selfsubject"))
    };
    assert!(asked.iter().all(|it| reads(&it.verb, &it.resource)), "{asked:?}");
    assert!(asked.iter().all(|it| it.resource != "secrets"), "no Secret is looked at");
    assert_eq!((world.kube.objects("secrets"), world.kube.objects("serviceaccounts")), before);
    let minted = world.aws.calls().iter().filter(|it| it.action == "GetAuthorizationToken").count();
    assert_eq!(minted, 2, "one per region");

    let table = online(&world, TWO, &[]).output().expect("it starts");
    let table = String::from_utf8(table.stdout).expect("text");
    assert!(table.starts_with("CHECK       RESULT  WHAT\nidentity    ok      chain: arn:"), "{table}");
    assert!(table.ends_with("9 checks: 9 ok, 0 warning, 0 failed\n"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_denied_throttled_or_out_of_reach_says_what_to_do() {
    let world = world(&["team-a", "team-b"]).await;
    world.aws.answer_action_with("GetAuthorizationToken", denial("AccessDeniedException"));
    let (code, report) = checked(&world, &of_aws("", ""));
    assert_eq!((code, rows(&report, "token").len()), (2, 1), "{report:#}");
    let fix_denied = fix(&report, "token");
    assert!(fix_denied.contains(r#"{ "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" }"#));
    assert!(fix_denied.contains("identity policy of arn:aws:iam::123456789012:user/standin"), "{fix_denied}");

    world.aws.answer_action_with("GetAuthorizationToken", denial("ThrottlingException"));
    let (code, report) = checked(&world, &of_aws("", ""));
    assert!(code == 3 && fix(&report, "token").contains("quota"), "{report:#}");

    let mut dead = online(&world, &of_aws("", ""), &["--output", "json"]);
    let (code, report, _) = run(dead.env("AWS_ENDPOINT_URL_ECR", "http://127.0.0.1:9"));
    let told = fix(&report, "token");
    assert!(told.contains("the endpoint of AWS_ENDPOINT_URL_ECR") && told.contains("HTTPS_PROXY is not set"), "{told}");
    assert_eq!(code, 3, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_sts_is_out_of_reach_a_token_is_enough() {
    let world = world(&["team-a"]).await;
    let mut check = online(&world, &of_aws("", ""), &["--output", "json"]);
    let (code, report, _) = run(check.env("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9"));
    assert_eq!(code, 0, "{report:#}");
    assert!(rows(&report, "identity")[0].starts_with("warning ") && rows(&report, "token")[0].starts_with("ok "));
    let mut pinned = online(&world, &of_aws("principal: ", ROLE), &["--output", "json"]);
    let (code, report, _) = run(pinned.env("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9"));
    assert_eq!(code, 3, "whoever has to be somebody has to be asked: {report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_it_says_where_they_are_looked_for() {
    let world = world(&["team-a", "team-b"]).await;
    let mut check = online(&world, TWO, &["--output", "json"]);
    let check = check.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let (code, report, _) = run(check.env("AWS_ROLE_ARN", ROLE));
    assert_eq!(code, 2, "{report:#}");
    assert!(rows(&report, "identity")[0].contains("no AWS credentials were found"), "{report:#}");
    let told = fix(&report, "identity");
    assert!(told.contains("AWS_ACCESS_KEY_ID (not set)") && told.contains("AWS_ROLE_ARN (set)"), "{told}");
    assert_eq!(rows(&report, "token").len(), 2, "and what cannot be asked for is told: {report:#}");
    assert!(world.aws.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_principal_has_to_be_the_caller() {
    let world = world(&["team-a"]).await;
    let (code, report) = checked(&world, &of_aws("principal: ", ROLE));
    assert_eq!(code, 2, "{report:#}");
    assert!(
        fix(&report, "identity").contains(ROLE) && fix(&report, "identity").contains(":user/standin"),
        "{report:#}"
    );
    assert!(world.aws.issued().is_empty(), "nothing was minted");
    let (code, report) = checked(&world, &of_aws("principal: ", "arn:aws:iam::123456789012:user/standin"));
    assert_eq!(code, 0, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_be_assumed_gets_both_statements() {
    let world = world(&["team-a"]).await;
    let config = of_aws("role_arn: ", &format!("\"{ROLE}\", external_id: of-the-tenant"));
    let (code, report) = checked(&world, &config);
    assert!(code == 0 && rows(&report, "identity")[0].contains("assumed-role/pull/regcred"), "{report:#}");
    world.aws.answer_action_with("AssumeRole", denial("AccessDenied"));
    let (code, report) = checked(&world, &config);
    let told = fix(&report, "identity");
    assert!(code == 2 && told.contains(&format!(r#""Action": "sts:AssumeRole", "Resource": "{ROLE}""#)), "{report:#}");
    assert!(
        told.contains(r#""AWS": "arn:aws:iam::123456789012:user/standin""#) && told.contains("sts:ExternalId"),
        "{told}"
    );
    assert!(!report.to_string().contains("of-the-tenant"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_missing_are_told_with_the_rule_and_folded() {
    let names = (0..9).map(|number| format!("team-{number}")).collect::<Vec<_>>();
    let world = world(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let entry = |name: &String| format!("- {{ namespace: {name}, region: eu-west-1 }}\n");
    let config = format!("targets:\n{}", names.iter().map(entry).collect::<String>());
    for name in &names[1..6] {
        world.kube.deny_named("create", "secrets", Some(name), "ecr-secret");
    }
    for (verb, resource) in
        ["get", "create", "patch"].iter().flat_map(|verb| [(verb, "secrets"), (verb, "serviceaccounts")])
    {
        world.kube.deny(verb, resource, Some("team-8"));
    }
    world.kube.deny("list", "serviceaccounts", None);
    let (code, report) = checked(&world, &config);
    assert_eq!(code, 2, "{report:#}");
    let told = rows(&report, "rights");
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[0], "failed 5 namespaces (team-1, team-2, team-3, ...): may not create secrets ecr-secret");
    assert!(
        told[1].starts_with("failed team-8: may not get, create, patch secrets ecr-secret; get, patch"),
        "{told:?}"
    );
    assert!(told[2].starts_with("ok team-0, team-6, team-7: may "), "{told:?}");
    let checks = report["checks"].as_array().expect("a list").iter().filter(|it| it["check"] == "rights");
    let checks = checks.collect::<Vec<_>>();
    assert_eq!(checks[0]["namespaces"], json!(names[1..6]));
    let rule = "  - apiGroups: [\"\"]\n    resources: [secrets]\n    resourceNames: [ecr-secret]\n    verbs: [create]";
    assert!(text(&checks[0]["fix"]).ends_with(rule), "{report:#}");
    let bind =
        "kubectl create rolebinding regcred-target --clusterrole=regcred-target --user='standin' --namespace=team-8";
    assert!(text(&checks[1]["fix"]).contains(bind), "{report:#}");
    let one_by_one = "ok Secrets ecr-secret: may not list cluster-wide, and need not: reads one by one";
    assert_eq!(rows(&report, "listing"), [one_by_one]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_not_there_is_told_where_that_may_be_seen() {
    let world = world(&["team-a"]).await;
    let (code, report) = checked(&world, TWO);
    assert_eq!((code, rows(&report, "namespaces")[0].as_str()), (2, "failed team-b: it does not exist"), "{report:#}");
    assert!(fix(&report, "namespaces").contains("kubectl create namespace team-b"), "{report:#}");
    assert!(rows(&report, "rights")[0].starts_with("ok team-a: "), "of the other nothing is asked: {report:#}");
    world.kube.deny("get", "namespaces", None);
    let (code, report) = checked(&world, TWO);
    assert_eq!((code, rows(&report, "namespaces")), (0, vec![]), "{report:#}");
    world.kube.allow_all();
    world.kube.add_namespace("team-b", &[]);
    world.kube.terminate("team-b");
    let (_, report) = checked(&world, TWO);
    assert_eq!(rows(&report, "namespaces")[0], "warning team-b: it is being deleted", "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_told() {
    let world = world(&["team-a", "team-b"]).await;
    world.kube.set_clock_ahead(Duration::from_mins(2));
    let (code, report) = checked(&world, TWO);
    assert!(code == 0 && rows(&report, "clock")[0].starts_with("warning API server: "), "{report:#}");
    world.kube.set_clock_ahead(Duration::from_mins(6));
    let (code, report) = checked(&world, TWO);
    assert!(code == 2 && rows(&report, "clock")[0].contains("behind it"), "{report:#}");
    assert!(fix(&report, "clock").contains("chronyc"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_write_in_kube_system_is_warned_unless_a_policy_guards_it() {
    let world = World::new(&["team-a", "team-b"]).await;
    let (code, report) = checked(&world, TWO);
    let told = rows(&report, "guard").concat();
    assert!(
        code == 0 && told.starts_with("warning kube-system: this identity can write Secret ecr-secret there"),
        "{told}"
    );
    assert!(told.contains("as an administrator you may; the ServiceAccount that runs regcred should not"), "{told}");
    world.kube.deny("list", "validatingadmissionpolicies", None);
    assert!(rows(&checked(&world, TWO).1, "guard")[0].contains("cannot be told"));
    world.kube.allow_all();
    world.kube.add_policy("regcred-writes");
    let told = rows(&checked(&world, TWO).1, "guard").concat();
    assert!(told.starts_with("ok ") && told.ends_with("ValidatingAdmissionPolicy regcred-writes is there to guard it"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_out_of_reach_does_not_hide_what_aws_says() {
    let world = world(&["team-a", "team-b"]).await;
    world.move_kube("http://127.0.0.1:9", None);
    let (code, report) = checked(&world, TWO);
    assert_eq!(code, 3, "{report:#}");
    assert!(rows(&report, "token").iter().all(|it| it.starts_with("ok ")), "{report:#}");
    assert!(fix(&report, "cluster").contains("http://127.0.0.1:9"), "{report:#}");
    world.write("kubeconfig", "canary");
    let (code, report) = checked(&world, TWO);
    assert!(code == 2 && fix(&report, "cluster").contains("kubeconfig"), "{report:#}");
    assert!(!report.to_string().contains("canary"));

    let slow = World::new(&["team-a"]).await;
    slow.kube.hang(true);
    slow.aws.answer_with(Answer::Hang);
    let began = Instant::now();
    let (code, report, _) = run(&mut online(&slow, &of_aws("", ""), &["--output", "json", "--timeout", "1s"]));
    assert_eq!((code, rows(&report, "time").len()), (3, 2), "{report:#}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_thousands_of_namespaces_some_are_looked_at_and_the_count_is_told() {
    let world = World::new(&[]).await;
    let names = (0..2_000).map(|number| format!("team-{number}")).collect::<Vec<_>>();
    for name in &names {
        world.kube.add_namespace(name, &[]);
    }
    let entry = |name: &String| format!("- {{ namespace: {name}, region: eu-west-1 }}\n");
    let config = format!("targets:\n{}", names.iter().map(entry).collect::<String>());
    world.kube.deny("patch", "secrets", Some("team-9"));
    world.kube.clear_requests();
    let began = Instant::now();
    let (_, report) = checked(&world, &config);
    println!("{:?}, {} requests", began.elapsed(), world.kube.requests().len());
    assert!(world.kube.requests().len() < 500, "one right is not had everywhere, and asked for in each of 200");
    assert_eq!(rows(&report, "namespaces")[0], "warning of the config: 200 of 2000 were looked at");
    let (code, report, _) = run(&mut online(&world, &config, &["--output", "json", "--target", "team-9"]));
    assert!(code == 2 && rows(&report, "rights")[0].starts_with("failed team-9: "), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_that_are_chosen_are_looked_at_as_those_that_are_named() {
    let world = world(&["app-1", "app-2", "other"]).await;
    let config = "targets: [{ namespaces: { include: ['app-*'] }, region: eu-west-1 }]";
    world.kube.deny("patch", "secrets", Some("app-2"));
    let (code, report) = checked(&world, config);
    assert_eq!(code, 2, "{report:#}");
    let chosen = rows(&report, "namespaces").concat();
    assert!(chosen.contains("app-*") && chosen.contains(": chooses 2"), "{report:#}");
    let rights = rows(&report, "rights");
    assert!(rights.len() == 2 && rights[0].starts_with("failed app-2: may not patch"), "{report:#}");
    world.kube.allow_all();
    world.kube.deny("list", "namespaces", None);
    let (code, report) = checked(&world, config);
    assert!(
        code == 2 && fix(&report, "namespaces").contains("--verb=get,list,watch --resource=namespaces"),
        "{report:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_clusters_each_is_asked_for_its_own() {
    let (world, second) = (world(&["team-a"]).await, world(&["team-b"]).await);
    let first = world.dir.path().join("kubeconfig");
    let other = world.write("second", &second.kube.kubeconfig());
    let config = format!(
        "sinks:\n  east: {{ type: openshift, kubeconfig: {} }}\n  west: {{ type: openshift, kubeconfig: {} }}\n\
         targets:\n- {{ namespace: team-a, region: eu-west-1, sink: east }}\n- {{ namespace: team-b, region: eu-west-1, sink: west }}\n",
        first.display(),
        other.display()
    );
    let once = world.once(&config, &[]);
    let mut check = crate::world::regcred(&["check", "--online", "--output", "json", "--config"]);
    check.arg(world.dir.path().join("regcred.yaml"));
    check.envs(once.get_envs().filter_map(|(key, value)| Some((key, value?))));
    second.kube.deny("create", "secrets", Some("team-b"));
    let (code, report, logs) = run(&mut check);
    assert_eq!(code, 2, "{report:#} {logs}");
    let rights = rows(&report, "rights");
    assert!(rights[0].starts_with("failed sink west, team-b: may not create"), "{report:#}");
    assert!(rights[1].starts_with("ok sink east, team-a: ") && rights.len() == 2, "{report:#}");
    assert_eq!(rows(&report, "token").len(), 1, "one token is for both");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_tells_the_host_of_its_own_account_beside_those_that_are_named() {
    let world = world(&["team-a", "team-b"]).await;
    let minimal = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/minimal.yaml");
    let (_, report) = checked(&world, &std::fs::read_to_string(minimal).expect("it is there"));
    let tokens = rows(&report, "token");
    let hosts =
        "a token for 123456789012.dkr.ecr.us-east-1.amazonaws.com, 210987654321.dkr.ecr.us-east-1.amazonaws.com until";
    assert!(tokens.len() == 2 && tokens[1].contains(hosts), "{tokens:?}");
}

#[test]
fn what_is_for_online_needs_it() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/minimal.yaml");
    for args in [&["--target", "team-a"][..], &["--kubeconfig", "x"], &["--context", "x"], &["--timeout", "9s"]] {
        let (code, _, error) = run(crate::world::regcred(&["check", "--config", config]).args(args));
        assert!(code == 2 && error.contains("--online"), "{error}");
    }
}
