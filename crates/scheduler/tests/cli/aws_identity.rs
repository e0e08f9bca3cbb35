//! regcred prints its identity in AWS, and does not treat a token of another account as fresh.

use std::process::Command;

use regcred_testkit::aws::Answer;
use serde_json::{Value, json};

use crate::world::{World, of, run};

const ONE: &str = "targets: [{ namespace: team-a, region: eu-west-1 }]\n";
const OWN: &str = "123456789012";
const OTHER: &str = "210987654321";

/// Returns the same config with a role of this account.
fn as_account(account: &str, more: &str) -> String {
    format!(
        "providers:\n  pull: {{ type: ecr, region: eu-west-1, profile: \"{account}\"{more} }}\n\
         targets: [{{ namespace: team-a, providers: [pull] }}]\n"
    )
}

fn world_of(world: &World, command: &mut Command) -> (i32, Value, String) {
    let profile = |account: &str| {
        format!("[profile {account}]\nrole_arn = arn:aws:iam::{account}:role/pull\ncredential_source = Environment\n")
    };
    let file = world.write("config", &(profile(OWN) + &profile(OTHER)));
    run(command.env("AWS_CONFIG_FILE", file))
}

fn hosts(world: &World) -> String {
    let secret = world.secret("team-a").expect("it was written");
    secret["metadata"]["annotations"]["regcred.dev/hosts"].as_str().expect("an annotation").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_and_a_plan_print_the_aws_identity_and_work_without_it() {
    let world = World::new(&["team-a"]).await;
    let role = "arn:aws:sts::123456789012:assumed-role/pull";
    for command in ["once", "plan"] {
        let config = as_account(OWN, "");
        let mut regcred =
            if command == "once" { world.once(&config, &["--output", "json"]) } else { plan(&world, &config) };
        let (code, report, logs) = world_of(&world, &mut regcred);
        assert_eq!(code, 0, "{report:#} {logs}");
        assert!(logs.contains(&format!("aws {role} (provider pull")), "{logs}");
        assert_eq!(report["callers"][0]["name"], role, "the session is left out: {report:#}");
        assert_eq!(report["callers"][0]["account"], OWN);
    }
    for answer in [
        Answer::Hang,
        Answer::Raw { status: 200, content_type: "text/html".into(), body: "<html>canary</html>".into() },
        Answer::Error { status: 403, code: "AccessDenied".into(), message: "canary".into(), retry_after: None },
    ] {
        world.aws.answer_action_with("GetCallerIdentity", answer.clone());
        let (code, report, logs) = run(&mut world.once(ONE, &["--force", "--output", "json"]));
        assert_eq!((code, of(&report, "team-a").0.as_str()), (0, "fresh"), "{answer:?} {report:#} {logs}");
        assert!(logs.contains("aws unknown (provider ecr-eu-west-1)") && !logs.contains("canary"), "{logs}");
        let unknown = json!({ "provider": "ecr-eu-west-1", "service": "aws", "account": null, "name": null });
        assert_eq!(report["callers"], json!([unknown]));
    }
}

fn plan(world: &World, config: &str) -> Command {
    let once = world.once(config, &["--output", "json"]);
    let mut plan = crate::world::regcred(&["plan"]);
    plan.args(once.get_args().skip(1));
    plan.envs(once.get_envs().filter_map(|(name, value)| Some((name, value?))));
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_minted_by_another_account_is_minted_again_once() {
    for (first, second, accounts) in [(OTHER, OWN, false), (OWN, OTHER, false), (OTHER, OWN, true), (OWN, OWN, true)] {
        let world = World::new(&["team-a"]).await;
        // The provider has one name and one digest. Only its identity in AWS changes.
        let config = |account: &str| {
            let accounts = if accounts { ", accounts: [333333333333]" } else { "" };
            let profile =
                format!("[profile x]\nrole_arn = arn:aws:iam::{account}:role/pull\ncredential_source = Environment\n");
            let file = world.write("config", &profile);
            (as_account("x", accounts), file)
        };
        let once = |account: &str| {
            let (config, file) = config(account);
            run(world.once(&config, &["--output", "json"]).env("AWS_CONFIG_FILE", file))
        };
        let (code, report, logs) = once(first);
        assert_eq!(code, 0, "{report:#} {logs}");
        let before = hosts(&world);
        let (config_of_second, file) = config(second);
        let (_, planned, logs) = run(plan(&world, &config_of_second).env("AWS_CONFIG_FILE", file));
        let (step, mints) = if first == second { ("leave", 1) } else { ("refresh", 2) };
        assert_eq!(planned["targets"][0]["step"], step, "{planned:#} {logs}");
        let why = planned["targets"][0]["why"].to_string();
        assert_eq!(why.contains("another account minted it"), first != second, "{why}");
        for _ in 0..2 {
            let (code, report, logs) = once(second);
            assert_eq!((code, world.mints()), (0, mints), "{report:#} {logs}");
        }
        let after = hosts(&world);
        let host = if accounts { "333333333333" } else { second };
        assert!(after.contains(&format!("{host}.dkr.ecr.eu-west-1.amazonaws.com")), "{after}");
        assert_eq!(before == after, first == second, "{before} {after}");
        assert!(!after.contains(OTHER) || !accounts, "who minted it is a digest: {after}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn administrator_credentials_cause_a_warning() {
    let world = World::new(&["team-a"]).await;
    let config = |role: &str| {
        let profile =
            format!("[profile x]\nrole_arn = arn:aws:iam::{OWN}:role/{role}\ncredential_source = Environment\n");
        let file = world.write("config", &profile);
        (as_account("x", ""), file)
    };
    for (role, is_warned) in [
        ("AWSReservedSSO_AdministratorAccess_0123456789abcdef", true),
        ("Admin", true),
        ("pull", false),
        ("regcred", false),
    ] {
        let (config, file) = config(role);
        let (code, _, logs) = run(world.once(&config, &["--force"]).env("AWS_CONFIG_FILE", &file));
        assert_eq!((code, logs.contains("warning: regcred looks like an administrator")), (0, is_warned), "{logs}");
        let once = world.once(&config, &["--output", "json"]);
        let mut check = crate::world::regcred(&["check", "--online"]);
        check.args(once.get_args().skip(1)).envs(once.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let (_, report, logs) = run(check.env("AWS_CONFIG_FILE", &file));
        let checks = report["checks"].as_array().unwrap_or_else(|| panic!("{report:#} {logs}"));
        let identity = checks.iter().find(|it| it["check"] == "identity").expect("it is there");
        assert_eq!(identity["result"] == "warning", is_warned, "{identity:#}");
    }
}

#[test]
fn a_role_of_another_partition_is_refused_before_any_call() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("regcred.yaml");
    let check = |options: &str| {
        let config = format!(
            "providers:\n  pull: {{ type: ecr, {options} }}\ntargets: [{{ namespace: team-a, providers: [pull] }}]\n"
        );
        std::fs::write(&file, config).expect("it can be written");
        run(crate::world::regcred(&["check", "--config"]).arg(&file))
    };
    let role = |partition: &str| format!("\"arn:{partition}:iam::123456789012:role/pull\"");
    let regions = [
        ("eu-west-1", "aws"),
        ("ap-southeast-7", "aws"),
        ("us-gov-east-1", "aws-us-gov"),
        ("cn-north-1", "aws-cn"),
        ("cn-northwest-1", "aws-cn"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-iso-west-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
    ];
    for (region, own) in regions {
        for (_, partition) in regions {
            let (code, _, said) = check(&format!("region: {region}, role_arn: {}", role(partition)));
            let refused = format!("is in partition {partition}, and {region} is in {own}");
            assert_eq!(
                (code, said.contains(&refused)),
                if partition == own { (0, false) } else { (2, true) },
                "{said}"
            );
        }
        let other = if own == "aws" { "aws-cn" } else { "aws" };
        let web = format!("region: {region}, web_identity: {{ role_arn: {}, token_file: /t }}", role(other));
        let (code, _, said) = check(&web);
        assert!(code == 2 && said.contains("providers.pull.web_identity.role_arn: "), "{said}");
    }
    for region in ["eu-isof-west-1", "us-isox-east-1", "eu-west-east-1", "cn-gov-north-1", "eusc-east-1"] {
        let (code, _, said) = check(&format!("region: {region}"));
        assert!(code == 2 && said.contains(region), "{said}");
    }
    for (programs, code) in
        [("[/usr/local/bin/helper]", 0), ("[helper]", 2), ("['']", 2), ("[./helper]", 2), ("helper", 2)]
    {
        let (found, _, said) = check(&format!("region: eu-west-1, profile: x, programs: {programs}"));
        assert_eq!((found, said.contains("providers.pull.programs")), (code, code == 2), "{programs} {said}");
    }
}
