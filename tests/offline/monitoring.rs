//! Checks of the alerts and their tests. Prometheus's own tool runs the tests as part of the live tests.

use std::{fs, path::Path};

use serde_json::Value;

#[test]
fn every_alert_has_a_test_in_which_it_fires() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = fs::read_to_string(root.join("../deploy/monitoring/rules.yaml")).expect("text");
    let rules = serde_saphyr::from_str::<Value>(&rules).expect("YAML");
    let tests = fs::read_dir(root.join("monitoring")).expect("a folder").map(|entry| entry.expect("an entry").path());
    let tests = tests.map(|file| fs::read_to_string(file).expect("text")).collect::<String>();
    let groups = rules["groups"].as_array().expect("a list");
    let rules = groups.iter().flat_map(|it| it["rules"].as_array().expect("a list")).collect::<Vec<_>>();
    assert!(rules.len() > 10, "they are there");
    for rule in rules {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let (name, severity) = (text(&rule["alert"]), text(&rule["labels"]["severity"]));
        let fires = format!(r#"{{alertname="{name}",severity="{severity}""#);
        assert!(tests.contains(&fires), "no test has {fires}");
    }
}
