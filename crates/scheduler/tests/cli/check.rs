//! `regcred check`, and the layers of a config.

use std::process::Command;

use serde_json::json;

use crate::world::{regcred, run};

const MINIMAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/minimal.yaml");

fn check(args: &[&str]) -> Command {
    let mut command = regcred(&["check", "--output", "json", "--config", MINIMAL]);
    command.args(args);
    command
}

#[test]
fn the_minimal_config_is_valid() {
    let (code, summary, error) = run(&mut check(&[]));
    assert_eq!(code, 0, "{error}");
    assert_eq!(summary["namespaces"], json!(["team-a", "team-b"]));
    assert_eq!(summary["mints"], 2);
}

#[test]
fn named_and_selected_namespaces_are_counted_in_one_line() {
    let dir = tempfile::tempdir().expect("a folder");
    for (targets, expected) in [
        ("[{ namespaces: [a, b], region: eu-west-1 }]", "namespaces  2"),
        ("[{ namespaces: ['ux-*'], region: eu-west-1 }]", "namespaces  ux-*"),
        ("[{ namespaces: [a, 'ux-*'], region: eu-west-1 }]", "namespaces  1, and ux-*"),
        (
            "[{ namespaces: ['ux-*'], region: eu-west-1 }, { namespaces: ['app-*'], region: eu-west-1 }]",
            "namespaces  app-*, and ux-*",
        ),
    ] {
        let config = dir.path().join("c.yaml");
        std::fs::write(&config, format!("targets: {targets}\n")).expect("it can be written");
        let output = regcred(&["check", "--config"]).arg(&config).output().expect("it starts");
        let printed = String::from_utf8(output.stdout).expect("text");
        assert!(printed.lines().any(|line| line == expected), "{targets}: {printed}");
    }
}

#[test]
fn every_example_is_valid_without_a_warning() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config");
    let files = std::fs::read_dir(examples).expect("a folder").map(|it| it.expect("a file").path());
    let files = files.filter(|it| it.extension().is_some_and(|it| it == "yaml")).collect::<Vec<_>>();
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        let mut command = regcred(&["check", "--output", "json", "--config"]);
        let (code, summary, error) = run(command.arg(&file));
        assert_eq!((code, &summary["warnings"]), (0, &json!([])), "{} {error}", file.display());
    }
}

#[test]
fn flags_override_the_environment_and_the_environment_overrides_the_file() {
    let (_, summary, _) =
        run(check(&[]).env("REGCRED__SCHEDULE", "0 */6 * * *").env("REGCRED__TIME_ZONE", "Europe/Berlin"));
    assert_eq!((&summary["schedule"], &summary["time_zone"]), (&json!("0 */6 * * *"), &json!("Europe/Berlin")));
    let (_, summary, _) = run(check(&["--schedule", "@hourly"]).env("REGCRED__SCHEDULE", "0 */6 * * *"));
    assert_eq!(summary["schedule"], "@hourly");
}

#[test]
fn variables_of_a_service_named_regcred_are_not_config() {
    let mut command = check(&[]);
    for (name, value) in [("PORT", "tcp://10.0.0.1:80"), ("SERVICE_HOST", "10.0.0.1"), ("PORT_80_TCP_PROTO", "tcp")] {
        command.env(format!("REGCRED_{name}"), value);
    }
    assert_eq!(run(&mut command).0, 0);
}

#[test]
fn all_problems_are_reported_at_once_with_their_origin() {
    let (code, _, error) = run(check(&["--time-zone", "Mars/Olympus"]).env("REGCRED__SCHEDUL", "@daily"));
    assert_eq!(code, 2);
    let lines = error.lines().collect::<Vec<_>>();
    assert_eq!(
        lines[0],
        "error: environment REGCRED__SCHEDUL: schedul: this key is not known; did you mean `schedule`? [RC0104]"
    );
    assert!(lines[1].starts_with("error: command line: time_zone: ") && lines[1].contains("Mars/Olympus"), "{error}");
    assert_eq!(lines.len(), 2);
}

#[test]
fn errors_found_by_the_provider_are_reported_with_all_others() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("regcred.yaml");
    let yaml = "targets:\n- { namespace: Team, region: eu-west-1 }\n- { namespace: a, region: xx-west-1 }\n\
                - { namespace: b, registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com.cn }\n- { namespace: c, region: eu-west-1 }\n\
                - { namespace: c, region: eu-west-1 }\n";
    std::fs::write(&config, yaml).expect("it can be written");
    let (code, _, error) = run(regcred(&["check", "--config"]).arg(&config));
    let keys = [
        ":2: targets[0].namespace: ",
        ":3: targets[1].region: ",
        ":4: targets[2].registry: ",
        ":6: targets[4]: it repeats targets[3]",
    ];
    let lines = error.lines().collect::<Vec<_>>();
    assert!(code == 2 && lines.len() == 4, "{error}");
    assert!(lines.iter().zip(keys).all(|(line, key)| line.contains(key)), "{error}");
}

#[test]
fn an_empty_endpoint_variable_is_reported_before_any_request() {
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL_STS"] {
        let (code, _, told) = run(check(&[]).env(variable, ""));
        assert!(code == 2 && told.contains(&format!("cannot use {variable}: it is empty, so unset it")), "{told}");
    }
}
