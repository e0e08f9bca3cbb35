//! Variables in place of flags: `REGCRED_CONFIG`, `REGCRED_OUTPUT` and `REGCRED_LOG_FORMAT`.

use std::{fs, process::Command};

use serde_json::Value;

use crate::world::{regcred, run};

const CONFIG: &str = "targets: [{ namespace: team-a, region: eu-west-1 }]\n";

fn with(folder: &tempfile::TempDir, line: &str, variables: &[(&str, &str)]) -> (i32, Value, String) {
    let mut command = regcred(&line.split_whitespace().collect::<Vec<_>>());
    run(command.current_dir(folder.path()).envs(variables.iter().copied()))
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("regcred.yaml"), CONFIG).expect("it can be written");
    folder
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let folder = folder();
    let empty = [("REGCRED_OUTPUT", ""), ("REGCRED_LOG_FORMAT", ""), ("REGCRED_CONFIG", ""), ("RUST_LOG", "")];
    for line in ["check", "check -o json", "next", "manifests", "version", "schema", "completions bash", "next @hourly"]
    {
        let unset = with(&folder, line, &[]);
        assert_eq!(unset.0, 0, "{line}: {}", unset.2);
        assert_eq!(with(&folder, line, &empty), unset, "{line}");
    }
    let (code, _, told) = with(&folder, "once --frobnicate", &empty);
    assert!(code == 2 && told.starts_with("error: unexpected argument '--frobnicate'"), "{told}");
}

#[test]
fn a_bad_value_names_its_variable_and_not_the_flag() {
    let folder = folder();
    for (line, variables, expected) in [
        ("check", &[("REGCRED_OUTPUT", "foo")][..], "error: invalid value 'foo' of the variable REGCRED_OUTPUT"),
        ("version", &[("REGCRED_OUTPUT", "JSON")], "error: invalid value 'JSON' of the variable REGCRED_OUTPUT"),
        ("check", &[("REGCRED_LOG_FORMAT", "xml")], "error: invalid value 'xml' of the variable REGCRED_LOG_FORMAT"),
        ("check", &[("REGCRED_CONFIG", "no.yaml")], "\nREGCRED_CONFIG names this file"),
        ("manifests", &[("REGCRED_CONFIG", "no.yaml")], "\nREGCRED_CONFIG names this file"),
        ("check", &[("REGCRED_CONFIG", "pem")], "\nREGCRED_CONFIG names this file"),
        ("check -o foo", &[("REGCRED_OUTPUT", "json")], "error: invalid value 'foo' for '--output <OUTPUT>'"),
        ("check --log-format foo", &[("REGCRED_LOG_FORMAT", "")], "for '--log-format <LOG_FORMAT>'"),
        ("check -f no.yaml", &[("REGCRED_CONFIG", "regcred.yaml")], "error: no.yaml: cannot be read"),
    ] {
        fs::write(folder.path().join("pem"), "key: value\n").expect("it can be written");
        let (code, _, told) = with(&folder, line, variables);
        assert!(code == 2 && told.contains(expected), "{line} {variables:?}: {told}");
        let is_flag_named = told.contains("--output <") || told.contains("--log-format <");
        assert_eq!(is_flag_named, expected.contains("for '--"), "{line} {variables:?}: {told}");
        assert!(expected.contains("REGCRED_") || !told.contains("REGCRED_"), "{line} {variables:?}: {told}");
    }
}

#[test]
fn an_output_format_that_a_command_cannot_print_is_refused() {
    let folder = folder();
    let iam = "manifests --mode iam --identity pod-identity";
    for (line, output, expected) in [
        (
            iam,
            "-o name",
            "error: cannot print names: this --mode prints no objects [RC0701]\n  fix: use --output table, wide, json or yaml",
        ),
        ("check", "-o name", "use --output table, wide, json or yaml"),
        ("completions bash", "-o name", "leave out --output"),
        ("completions bash", "-o json", "error: cannot print another form: the result of this command has only one"),
        ("completions bash", "--output=wide", "leave out --output"),
        ("man pages", "-o yaml", "leave out --output"),
        (iam, "REGCRED_OUTPUT", "REGCRED_OUTPUT is name: use --output table, wide, json or yaml"),
        ("check", "REGCRED_OUTPUT", "REGCRED_OUTPUT is name: use --output table, wide, json or yaml"),
        ("next @hourly", "REGCRED_OUTPUT", "REGCRED_OUTPUT is name"),
        ("completions bash", "REGCRED_OUTPUT", "REGCRED_OUTPUT is name: use --output table"),
    ] {
        let (code, _, told) = match output {
            "REGCRED_OUTPUT" => with(&folder, line, &[(output, "name")]),
            flag => with(&folder, &format!("{line} {flag}"), &[]),
        };
        assert!(code == 2 && told.contains(expected), "{line} {output}: {told}");
        assert_eq!(told.contains("REGCRED_OUTPUT"), output == "REGCRED_OUTPUT", "{line} {output}: {told}");
    }
    for (line, output) in [(iam, "json"), (iam, "yaml"), ("manifests", "name"), ("completions bash", "json")] {
        let (code, _, told) = with(&folder, line, &[("REGCRED_OUTPUT", output)]);
        assert_eq!(code, 0, "{line} {output}: {told}");
    }
    let mut command = regcred(&[iam, "-o yaml"].join(" ").split(' ').collect::<Vec<_>>());
    let printed = command.current_dir(folder.path()).output().expect("it starts").stdout;
    assert!(String::from_utf8(printed).expect("text").starts_with("roles:\n"), "YAML and not JSON");
}

#[test]
fn an_invalid_rust_log_causes_a_warning() {
    let folder = folder();
    for (filter, is_valid) in [
        ("debug", true),
        ("info,regcred_ecr=debug", true),
        ("x=y=z", false),
        ("regcred=loud", false),
        ("debug,[", false),
    ] {
        let (code, _, told) = with(&folder, "check", &[("RUST_LOG", filter)]);
        let expected = "warning: cannot read RUST_LOG, so the level is warn: use a level such as debug, or pairs such as \
                        info,regcred_ecr=debug\n";
        assert_eq!((code, told.contains(expected)), (0, !is_valid), "{filter}: {told}");
        assert!(!told.contains("directive") && !told.contains("error parsing"), "{filter}: {told}");
    }
}

#[test]
fn a_missing_config_is_reported_with_the_flag_that_names_one() {
    let folder = tempfile::tempdir().expect("a folder");
    for (line, expected) in [
        (
            "check",
            "error: cannot find a config: there is no regcred.yaml in this folder [RC0702]\n  fix: name a file with --config (-f)",
        ),
        (
            "next --online",
            "error: cannot find a config: there is no regcred.yaml in this folder [RC0702]\n  fix: name a file with --config (-f)",
        ),
        (
            "next",
            "error: cannot find a schedule: there is no regcred.yaml in this folder [RC0702]\n  fix: give an expression such as '@hourly'",
        ),
    ] {
        let (code, _, told) = with(&folder, line, &[]);
        assert!(code == 2 && told.starts_with(expected), "{line}: {told}");
    }
}

/// Returns the first line of the output of `manifests`.
fn head(folder: &tempfile::TempDir, line: &str) -> String {
    let mut command: Command = regcred(&line.split_whitespace().collect::<Vec<_>>());
    let output = command.current_dir(folder.path()).output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn the_head_of_the_objects_repeats_only_flags_that_change_them() {
    let folder = folder();
    for (line, expected) in [
        ("manifests", "manifests"),
        ("manifests -q", "manifests"),
        ("-v manifests -v --no-color", "manifests"),
        ("manifests -o table -f regcred.yaml", "manifests -f regcred.yaml"),
        ("manifests -otable -qf regcred.yaml", "manifests -f regcred.yaml"),
        ("manifests --output=wide --mode daemon", "manifests --mode daemon"),
        ("--log-format json manifests --output table --mode=daemon -n x", "manifests --mode=daemon -n x"),
        ("manifests -vvo table --no-colour --log-format=json --quiet", ""),
        ("manifests -qo table --no-colour --log-format=json", "manifests"),
    ] {
        let expected = if expected.is_empty() { String::new() } else { format!("# Made by `regcred {expected}`.") };
        assert_eq!(head(&folder, line), expected, "{line}");
    }
}
