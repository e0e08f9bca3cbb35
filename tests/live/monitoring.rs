//! The alerts and the dashboard, checked with the real promtool.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

#[track_caller]
fn promtool(action: &str, files: &[PathBuf]) -> String {
    let output = Command::new("promtool").args([action, "rules"]).args(files).output().expect("promtool starts");
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "promtool {action} rules: {told}");
    told
}

/// Returns the files in a folder with this suffix.
fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root(folder)).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files = entries.filter(|path| path.display().to_string().ends_with(end)).collect::<Vec<_>>();
    files.sort();
    files
}

#[test]
fn prometheus_accepts_the_rules_and_they_fire_as_tested() {
    let rules = root("deploy/monitoring/rules.yaml");
    assert!(promtool("check", &[rules]).contains("rules found"));
    let tests = files("tests/monitoring", ".test.yaml");
    assert!(tests.len() >= 4, "{tests:?}");
    promtool("test", &tests);
}

#[test]
fn the_rule_tests_detect_wrong_rules() {
    let rules = fs::read_to_string(root("deploy/monitoring/rules.yaml")).expect("text");
    let tests = files("tests/monitoring", ".test.yaml");
    for (right, wrong) in [
        ("regcred_targets_past_floor{", "regcred_targets_expiring{"),
        ("> 1800", "> 36000"),
        ("for: 2h", "for: 20h"),
        (r#",job="regcred""#, ""),
    ] {
        assert!(rules.contains(right), "{right}");
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("rules.yaml"), rules.replace(right, wrong)).expect("it can be written");
        let copies = tests.iter().map(|test| {
            let copy = dir.path().join(test.file_name().expect("a name"));
            let text = fs::read_to_string(test).expect("text").replace("../../deploy/monitoring/", "");
            fs::write(&copy, text).expect("it can be written");
            copy
        });
        let output = Command::new("promtool").args(["test", "rules"]).args(copies).output().expect("promtool starts");
        assert!(!output.status.success(), "{wrong} instead of {right}");
    }
}

/// Converts each query to a rule, because promtool parses rules as Prometheus does.
#[test]
fn prometheus_parses_every_dashboard_query() {
    let dashboard = fs::read_to_string(root("deploy/monitoring/dashboard.json")).expect("text");
    let dashboard = serde_json::from_str::<Value>(&dashboard).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("a list").iter();
    let queries = panels.flat_map(|it| it["targets"].as_array().expect("a list"));
    let rules = queries.enumerate().map(|(number, query)| {
        let query = query["expr"].as_str().expect("a query").replace("$__rate_interval", "5m");
        json!({ "record": format!("query:{number}"), "expr": query })
    });
    let rules = rules.collect::<Vec<_>>();
    assert!(rules.len() > 12, "{}", rules.len());
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("queries.yaml");
    let group = json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    fs::write(&file, group.to_string()).expect("it can be written");
    promtool("check", &[file]);
}
