//! `regcred check --online`: reports problems with their fixes, and writes nothing.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use regcred_testkit::{FaultProxy, aws::Answer, tls::Authority};
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

/// Returns a cluster in which no user may write in `kube-system`.
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

/// Returns the rows of one check, each as `RESULT subject: message`.
fn rows(report: &Value, check: &str) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap_or_else(|| panic!("{report:#}")).iter();
    let of = checks.filter(|it| it["check"] == check);
    of.map(|it| format!("{} {}: {}", text(&it["result"]), text(&it["subject"]), text(&it["message"]))).collect()
}

/// Returns the fix of the only failure or warning of a check.
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
async fn a_healthy_setup_passes_every_check_and_nothing_is_written() {
    let world = world(&["team-a", "team-b"]).await;
    let before = (world.kube.objects("secrets"), world.kube.objects("serviceaccounts"));
    world.kube.clear_requests();
    let (code, report) = checked(&world, TWO);
    assert_eq!(code, 0, "{report:#}");
    let user = "ok chain: arn:aws:iam::123456789012:user/fake (account 123456789012)";
    assert_eq!(rows(&report, "identity"), [user]);
    let tokens = rows(&report, "token");
    let opens = "ok eu-west-1 by chain: a token for 123456789012.dkr.ecr.eu-west-1.amazonaws.com until 2";
    assert!(tokens.len() == 2 && tokens[0].starts_with(opens), "{tokens:?}");
    let clocks = rows(&report, "clock");
    assert!(clocks.len() == 2 && clocks.iter().all(|it| it.contains("clock agrees with it to ")), "{clocks:?}");
    assert_eq!(rows(&report, "cluster"), [format!("ok {}/: context fake, v1.33.0-fake, as fake", world.kube.url())]);
    assert_eq!(rows(&report, "namespaces"), ["ok of the config: 2 are there"]);
    let may = "may get, create, patch secrets ecr-secret; get, patch serviceaccounts default, builder, pipeline";
    assert_eq!(rows(&report, "rights"), [format!("ok team-a, team-b: {may}")]);
    assert_eq!(rows(&report, "guard"), ["ok kube-system: may not write Secret ecr-secret there"]);
    assert_eq!(rows(&report, "leftovers"), ["ok instance default: no other mode has left rights or workloads"]);
    assert_eq!(rows(&report, "listing"), [""; 0], "two are read one by one anyway");

    let asked = world.kube.requests();
    let reads = |verb: &str, resource: &str| {
        matches!(verb, "get" | "list") || (verb == "create" && resource.starts_with("selfsubject"))
    };
    assert!(asked.iter().all(|it| reads(&it.verb, &it.resource)), "{asked:?}");
    assert!(asked.iter().all(|it| it.resource != "secrets"), "no Secret is read");
    assert_eq!((world.kube.objects("secrets"), world.kube.objects("serviceaccounts")), before);
    let minted = world.aws.calls().iter().filter(|it| it.action == "GetAuthorizationToken").count();
    assert_eq!(minted, 2, "one per region");

    let table = online(&world, TWO, &[]).output().expect("it starts");
    let table = String::from_utf8(table.stdout).expect("text");
    assert!(table.starts_with("CHECK       RESULT  WHAT\nidentity    ok      chain: arn:"), "{table}");
    assert!(table.ends_with("10 checks: 10 ok, 0 warning, 0 failed\n"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_throttled_or_unreachable_token_call_gets_a_fix() {
    let world = world(&["team-a", "team-b"]).await;
    world.aws.answer_action_with("GetAuthorizationToken", denial("AccessDeniedException"));
    let (code, report) = checked(&world, &of_aws("", ""));
    assert_eq!((code, rows(&report, "token").len()), (2, 1), "{report:#}");
    let fix_denied = fix(&report, "token");
    assert!(fix_denied.contains(r#"{ "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" }"#));
    assert!(fix_denied.contains("identity policy of arn:aws:iam::123456789012:user/fake"), "{fix_denied}");

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
async fn an_unreachable_sts_is_only_a_warning_unless_a_principal_is_pinned() {
    let world = world(&["team-a"]).await;
    let mut check = online(&world, &of_aws("", ""), &["--output", "json"]);
    let (code, report, _) = run(check.env("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9"));
    assert_eq!(code, 0, "{report:#}");
    assert!(rows(&report, "identity")[0].starts_with("warning ") && rows(&report, "token")[0].starts_with("ok "));
    let mut pinned = online(&world, &of_aws("principal: ", ROLE), &["--output", "json"]);
    let (code, report, _) = run(pinned.env("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9"));
    assert_eq!(code, 3, "a pinned principal must be checked: {report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_the_fix_lists_the_searched_sources() {
    let world = world(&["team-a", "team-b"]).await;
    let mut check = online(&world, TWO, &["--output", "json"]);
    let check = check.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let (code, report, _) = run(check.env("AWS_ROLE_ARN", ROLE));
    assert_eq!(code, 2, "{report:#}");
    assert!(rows(&report, "identity")[0].contains("cannot find AWS credentials"), "{report:#}");
    let told = fix(&report, "identity");
    assert!(told.contains("AWS_ACCESS_KEY_ID (not set)") && told.contains("AWS_ROLE_ARN (set)"), "{told}");
    assert_eq!(rows(&report, "token").len(), 2, "tokens that cannot be requested are reported: {report:#}");
    assert!(world.aws.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_fails_if_the_caller_is_not_the_pinned_principal() {
    let world = world(&["team-a"]).await;
    let (code, report) = checked(&world, &of_aws("principal: ", ROLE));
    assert_eq!(code, 2, "{report:#}");
    assert!(fix(&report, "identity").contains(ROLE) && fix(&report, "identity").contains(":user/fake"), "{report:#}");
    assert!(world.aws.issued().is_empty(), "nothing was minted");
    let (code, report) = checked(&world, &of_aws("principal: ", "arn:aws:iam::123456789012:user/fake"));
    assert_eq!(code, 0, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_role_gets_a_fix_with_both_statements() {
    let world = world(&["team-a"]).await;
    let config = of_aws("role_arn: ", &format!("\"{ROLE}\", external_id: of-the-tenant"));
    let (code, report) = checked(&world, &config);
    assert!(code == 0 && rows(&report, "identity")[0].contains("assumed-role/pull/regcred"), "{report:#}");
    world.aws.answer_action_with("AssumeRole", denial("AccessDenied"));
    let (code, report) = checked(&world, &config);
    let told = fix(&report, "identity");
    assert!(code == 2 && told.contains(&format!(r#""Action": "sts:AssumeRole", "Resource": "{ROLE}""#)), "{report:#}");
    assert!(
        told.contains(r#""AWS": "arn:aws:iam::123456789012:user/fake""#) && told.contains("sts:ExternalId"),
        "{told}"
    );
    assert!(!report.to_string().contains("of-the-tenant"));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_are_reported_with_the_rule_and_grouped() {
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
        "kubectl create rolebinding regcred-target --clusterrole=regcred-target --user='fake' --namespace=team-8";
    assert!(text(&checks[1]["fix"]).contains(bind), "{report:#}");
    let one_by_one = "ok Secrets ecr-secret: may not list cluster-wide, and need not: reads one by one";
    assert_eq!(rows(&report, "listing"), [one_by_one]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_namespace_is_reported_if_namespaces_may_be_read() {
    let world = world(&["team-a"]).await;
    let (code, report) = checked(&world, TWO);
    let told = rows(&report, "namespaces");
    assert_eq!(
        (code, told[0].as_str()),
        (0, "warning team-b: it does not exist: `regcred once` reports it as gone, and continues")
    );
    assert!(fix(&report, "namespaces").contains("kubectl create namespace team-b"), "{report:#}");
    assert!(rows(&report, "rights")[0].starts_with("ok team-a: "), "of the other nothing is asked: {report:#}");
    world.kube.add_namespace("team-b", &[]);
    world.kube.terminate("team-b");
    let (_, report) = checked(&world, TWO);
    assert_eq!(rows(&report, "namespaces")[0], "warning team-b: it is being deleted", "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rights_on_namespaces_the_missing_rule_is_reported() {
    let world = world(&["team-a", "team-b"]).await;
    world.kube.deny("get", "namespaces", None);
    let (code, report) = checked(&world, TWO);
    let told = rows(&report, "namespaces");
    assert_eq!((code, told.len()), (0, 1), "{report:#}");
    let words =
        "warning team-a, team-b: cannot check whether they exist: a missing namespace looks like a missing right";
    assert_eq!(told[0], words);
    let rule =
        "  - apiGroups: [\"\"]\n    resources: [namespaces]\n    resourceNames: [team-a, team-b]\n    verbs: [get]";
    let told = fix(&report, "namespaces");
    assert!(told.ends_with(rule) && told.contains("regcred-namespaces"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_reported() {
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
async fn write_rights_in_kube_system_are_reported_unless_a_policy_guards_it() {
    let world = World::new(&["team-a", "team-b", "kube-system"]).await;
    let (code, report) = checked(&world, TWO);
    let told = rows(&report, "guard").concat();
    assert!(
        code == 0 && told.starts_with("info kube-system: this identity can write Secret ecr-secret there"),
        "{told}"
    );
    assert!(told.contains("an administrator can, and regcred's ServiceAccount must not"), "{told}");
    world.kube.deny("list", "validatingadmissionpolicies", None);
    let told = rows(&checked(&world, TWO).1, "guard").concat();
    assert!(told.starts_with("info ") && told.contains("no ValidatingAdmissionPolicy refuses"), "{told}");
    world.kube.allow_all();
    world.kube.add_policy("regcred-guard-secrets", "system:serviceaccount:regcred:regcred");
    assert!(rows(&checked(&world, TWO).1, "guard")[0].contains("of regcred's names it"), "it applies to another user");
    world.kube.add_policy("regcred-guard-accounts", "fake");
    assert!(rows(&checked(&world, TWO).1, "guard")[0].contains("of regcred's names it"), "it judges no Secrets");
    world.kube.add_policy("regcred-blue-guard-secrets.team-x", "fake");
    let told = rows(&checked(&world, TWO).1, "guard").concat();
    assert!(told.starts_with("ok ") && told.contains("regcred-blue-guard-secrets.team-x"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_cluster_does_not_hide_the_results_of_aws() {
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

fn questions(world: &World) -> usize {
    world.kube.requests().iter().filter(|it| it.resource == "selfsubjectaccessreviews").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn named_namespaces_are_checked_first_and_unchecked_ones_are_reported() {
    let world = World::new(&[]).await;
    for number in 0..2_004 {
        world.kube.add_namespace(&format!("team-{number}"), &[]);
    }
    world.kube.add_namespace("zebra", &[]);
    world.kube.deny("patch", "secrets", Some("zebra"));
    let config = "targets:\n- { namespaces: { include: ['team-*'] }, region: eu-west-1 }\n\
                  - { namespace: zebra, region: eu-west-1 }\n";
    world.kube.clear_requests();
    let began = Instant::now();
    let (code, report) = checked(&world, config);
    println!("{:?}, {} requests", began.elapsed(), world.kube.requests().len());
    assert!(code == 2 && rows(&report, "rights")[0].starts_with("failed zebra: "), "{report:#}");
    let told = rows(&report, "namespaces");
    assert_eq!(
        told[0],
        "warning of the config: 2000 of 2005 were checked: the missing rights in the others are unknown"
    );
    assert!(told.contains(&"ok of the config: 2000 are there".to_owned()), "{told:?}");
    let gets = world.kube.requests().iter().filter(|it| it.verb == "get" && it.resource == "namespaces").count();
    assert_eq!(gets, 0, "what was listed is there");
    assert!(questions(&world) < 2_040, "one right is not had everywhere, and asked for in each of them");

    world.kube.allow_all();
    world.kube.clear_requests();
    let (_, report) = checked(&world, config);
    assert!(rows(&report, "rights")[0].starts_with("ok 2005 namespaces "), "{report:#}");
    assert!(rows(&report, "namespaces").iter().all(|it| it.starts_with("ok ")), "{report:#}");
    assert!(questions(&world) < 40, "what is held cluster-wide is asked for once");
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_are_printed_when_the_timeout_ends_the_check() {
    let world = World::new(&["team-0"]).await;
    let names = (0..500).map(|number| format!("team-{number}")).collect::<Vec<_>>();
    let entry = |name: &String| format!("- {{ namespace: {name}, region: eu-west-1 }}\n");
    let config = format!("targets:\n{}", names.iter().map(entry).collect::<String>());
    for name in &names {
        world.kube.add_namespace(name, &[]);
    }
    world.kube.deny("patch", "secrets", Some("team-0"));
    let mut check = online(&world, &config, &["--output", "json", "--timeout", "4s"]);
    let (code, report, _) = std::thread::scope(|scope| {
        let answering = scope.spawn(|| run(&mut check));
        while world.kube.requests().len() < 300 && !answering.is_finished() {
            std::thread::yield_now();
        }
        world.kube.hang(true);
        answering.join().expect("it ends")
    });
    assert!(code == 2 && rows(&report, "rights")[0].starts_with("failed team-0: may not patch"), "{report:#}");
    assert!(rows(&report, "rights")[1].starts_with("ok "), "{report:#}");
    assert!(
        rows(&report, "namespaces")[0].ends_with(" of 500 were checked: the missing rights in the others are unknown")
    );
    assert_eq!(rows(&report, "time").len(), 1, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_secrets_in_a_namespace_share_each_right_check_and_one_fix() {
    let world = world(&["team-a", "team-b"]).await;
    let entry = |name| format!("- {{ namespaces: [team-a, team-b], region: eu-west-1, secret: {{ name: {name} }} }}\n");
    let config = format!("targets:\n{}{}", entry("one"), entry("two"));
    for verb in ["get", "create", "patch"] {
        world.kube.deny_named(verb, "secrets", Some("team-a"), "two");
    }
    world.kube.deny_named("get", "serviceaccounts", Some("team-b"), "default");
    world.kube.clear_requests();
    let (code, report) = checked(&world, &config);
    let told = rows(&report, "rights");
    assert_eq!((code, told.len()), (2, 2), "{told:?}");
    let of_team_a = report["checks"].as_array().expect("a list").iter().find(|it| it["subject"] == "team-a");
    let told = text(&of_team_a.expect("it is reported")["fix"]);
    assert!(!told.contains("rolebinding") && told.contains("resourceNames: [two]"), "one is bound already: {told}");
    // Twelve checks are cluster-wide, and five of those run in two namespaces. Four are about `kube-system`, and three are about
    // leftovers.
    assert_eq!(questions(&world), 12 + 5 * 2 + 4 + 3, "{report:#}");

    for (verb, resource) in [("get", "secrets"), ("create", "secrets"), ("patch", "secrets")]
        .into_iter()
        .chain([("get", "serviceaccounts"), ("patch", "serviceaccounts")])
    {
        world.kube.deny(verb, resource, Some("team-a"));
        world.kube.deny(verb, resource, Some("team-b"));
    }
    let (_, report) = checked(&world, &config);
    let told = fix(&report, "rights");
    assert!(told.contains("for it in team-a team-b; do kubectl create rolebinding"), "{told}");
    assert!(told.contains("resourceNames: [one, two]") && !told.contains("created later"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn selected_namespaces_are_checked_like_named_ones() {
    let world = world(&["app-1", "app-2", "other"]).await;
    let config = "targets: [{ namespaces: { include: ['app-*'] }, region: eu-west-1 }]";
    world.kube.deny("patch", "secrets", Some("app-2"));
    let (code, report) = checked(&world, config);
    assert_eq!(code, 2, "{report:#}");
    let chosen = rows(&report, "namespaces").concat();
    assert!(chosen.contains("app-*") && chosen.contains(": chooses 2"), "{report:#}");
    let twice = "targets:\n- { namespaces: { include: ['app-*'] }, region: eu-west-1 }\n\
                 - { namespaces: { include: ['app-*'] }, region: eu-west-1, secret: { name: two } }\n";
    assert_eq!(rows(&checked(&world, twice).1, "namespaces").len(), 2, "one choice of two Secrets is one row");
    let rights = rows(&report, "rights");
    assert!(rights.len() == 2 && rights[0].starts_with("failed app-2: may not patch"), "{report:#}");
    for verb in ["get", "create", "patch"] {
        world.kube.deny(verb, "secrets", Some("app-1"));
        world.kube.deny(verb, "serviceaccounts", Some("app-1"));
    }
    let (_, report) = checked(&world, config);
    let checks = report["checks"].as_array().expect("a list");
    let told = checks.iter().find(|it| it["check"] == "rights" && it["subject"] == "app-1").expect("it is reported");
    let told = text(&told["fix"]);
    let later =
        "a namespace that is created later has no binding: bind each new one, or bind cluster-wide with a Validating";
    assert!(told.contains("--namespace=app-1\n") && told.contains(later), "{told}");
    world.kube.allow_all();
    world.kube.deny("list", "namespaces", None);
    let (code, report) = checked(&world, config);
    assert!(
        code == 2 && fix(&report, "namespaces").contains("--verb=get,list,watch --resource=namespaces"),
        "{report:#}"
    );
}

/// Returns a check of the sinks `east` and `west`, each with its own kubeconfig. The one of `east` is in the folder of
/// `world`.
fn of_east_and_west(world: &World, west: &str, args: &[&str]) -> Command {
    let config = format!(
        "sinks:\n  east: {{ type: openshift, kubeconfig: {} }}\n  west: {{ type: openshift, kubeconfig: {west} }}\n\
         targets:\n- {{ namespace: team-a, region: eu-west-1, sink: east }}\n- {{ namespace: team-b, region: eu-west-1, sink: west }}\n",
        world.dir.path().join("kubeconfig").display(),
    );
    let once = world.once(&config, &[]);
    let mut check = crate::world::regcred(&["check", "--online", "--output", "json", "--config"]);
    check.arg(world.dir.path().join("regcred.yaml")).args(args);
    check.envs(once.get_envs().filter_map(|(key, value)| Some((key, value?))));
    check
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_several_clusters_is_checked_for_its_own_rights() {
    let (world, second) = (world(&["team-a"]).await, world(&["team-b"]).await);
    let other = world.write("second", &second.kube.kubeconfig()).display().to_string();
    second.kube.deny("create", "secrets", Some("team-b"));
    let (code, report, logs) = run(&mut of_east_and_west(&world, &other, &[]));
    assert_eq!(code, 2, "{report:#} {logs}");
    let rights = rows(&report, "rights");
    assert!(rights[0].starts_with("failed sink west, team-b: may not create"), "{report:#}");
    assert!(rights[1].starts_with("ok sink east, team-a: ") && rights.len() == 2, "{report:#}");
    assert_eq!(rows(&report, "token").len(), 1, "one token is for both");

    let (code, report, _) = run(&mut of_east_and_west(&world, &other, &["--kubeconfig", &other]));
    let told = fix(&report, "cluster");
    assert!(code == 2 && told.starts_with("leave --kubeconfig and --context out: each sink has its own"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_cluster_does_not_affect_the_other_clusters() {
    let world = world(&["team-a"]).await;
    let (code, report, _) = run(&mut of_east_and_west(&world, "/nonexistent", &[]));
    assert_eq!(code, 2, "{report:#}");
    assert!(rows(&report, "cluster")[0].starts_with("failed sink west, connection: "), "{report:#}");
    assert!(fix(&report, "cluster").contains("`sinks.west.kubeconfig`"), "{report:#}");
    assert!(rows(&report, "rights")[0].starts_with("ok sink east, team-a: "), "{report:#}");
    let said = run(&mut online(&world, &of_aws("", ""), &["--output", "json", "--context", "nowhere"])).1;
    assert!(fix(&said, "cluster").contains("--kubeconfig"), "the fix names the flag, not a sink: {said:#}");

    let slow = World::new(&[]).await;
    slow.kube.hang(true);
    let other = world.write("second", &slow.kube.kubeconfig()).display().to_string();
    let (code, report, _) = run(&mut of_east_and_west(&world, &other, &["--timeout", "2s"]));
    assert_eq!(code, 3, "{report:#}");
    assert!(rows(&report, "rights")[0].starts_with("ok sink east, team-a: "), "{report:#}");
    let told = rows(&report, "time");
    assert_eq!(told, [format!("failed sink west, {}/: it did not answer within 2s", slow.kube.url())]);
    let told = fix(&report, "time");
    assert!(told.contains("--timeout 2m") && told.contains("kubectl get --raw /version"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untrusted_certificate_gets_a_fix_with_the_certificate_authority() {
    let world = world(&["team-a"]).await;
    let kube = FaultProxy::start_tls(world.kube.address(), &Authority::new().issue(&["127.0.0.1"])).await;
    world.move_kube(&kube.url(), None);
    let (code, report) = checked(&world, &of_aws("", ""));
    let told = fix(&report, "cluster");
    assert!(code == 2 && told.contains("`certificate-authority`") && !told.contains("firewall"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_listed_with_the_hosts_of_its_own_and_the_named_accounts() {
    let world = world(&["team-a", "team-b"]).await;
    let minimal = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/minimal.yaml");
    let (_, report) = checked(&world, &std::fs::read_to_string(minimal).expect("it is there"));
    let tokens = rows(&report, "token");
    let hosts =
        "a token for 123456789012.dkr.ecr.us-east-1.amazonaws.com, 210987654321.dkr.ecr.us-east-1.amazonaws.com until";
    assert!(tokens.len() == 2 && tokens[1].contains(hosts), "{tokens:?}");
}

#[test]
fn flags_of_the_online_check_need_online() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/minimal.yaml");
    for args in [&["--target", "team-a"][..], &["--kubeconfig", "x"], &["--context", "x"], &["--timeout", "9s"]] {
        let (code, _, error) = run(crate::world::regcred(&["check", "--config", config]).args(args));
        assert!(code == 2 && error.contains("--online"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_openshift_cannot_check_a_template() {
    let world = world(&["team-a"]).await;
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/manifests/profiles/template.yaml");
    let once = world.once(TWO, &[]);
    let mut command = Command::new(once.get_program());
    command.args(["check", "--online", "--output", "json", "--template", template]).env_clear();
    command.envs(once.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let kubeconfig = once.get_args().skip_while(|it| *it != "--kubeconfig").nth(1).map(std::ffi::OsStr::to_owned);
    command.args(kubeconfig.into_iter().flat_map(|file| ["--kubeconfig".into(), file]));
    let (code, verdict, logs) = run(&mut command);
    let errors = verdict["errors"].to_string();
    assert!(
        code == 2 && errors.contains("it is not OpenShift, because it does not serve project.openshift.io/v1"),
        "{verdict:#} {logs}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_strict_a_warning_is_a_failure() {
    let world = world(&["team-a", "kube-system"]).await;
    let selecting = "targets: [{ namespaces: [\"no-such-*\"], region: eu-west-1 }]\n";
    for config in [TWO, selecting] {
        for (more, expected) in [(&[][..], 0), (&["--strict"], 1)] {
            let (code, report, logs) = run(&mut online(&world, config, &[&["--output", "json"], more].concat()));
            assert_eq!((code, &report["exit_code"]), (expected, &json!(expected)), "{report:#} {logs}");
        }
        let (code, report, logs) = run(&mut world.once(config, &["--output", "json"]));
        assert_eq!(code, 0, "{report:#} {logs}");
        let (code, report, logs) = run(&mut world.once(config, &["--output", "json", "--strict"]));
        assert_eq!(code, 1, "{report:#} {logs}");
    }
    let world = self::world(&["team-a", "team-b", "kube-system"]).await;
    let (code, report, logs) = run(&mut online(&world, TWO, &["--output", "json", "--strict"]));
    assert_eq!(code, 0, "{report:#} {logs}");
}
