//! The JSON schema in an editor. It accepts every example, and reports the errors that a schema can detect.

use std::{collections::BTreeSet, fs, path::Path};

use regcred::{BuiltIn, Types};
use serde_json::Value;

/// Examples whose errors a schema cannot detect: the meaning of a name, the sum of two entries, or a schedule that
/// never fires.
const BEYOND: [&str; 6] = [
    "another-partition.yaml",
    "no-yaml.yaml",
    "registry-host.yaml",
    "repeated-target.yaml",
    "schedule.yaml",
    "two-logins-for-one-host.yaml",
];

fn files(folder: &str) -> Vec<(String, Option<Value>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let yaml = entries.filter(|path| path.extension().is_some_and(|it| it == "yaml"));
    let read = yaml.map(|path| {
        let text = fs::read_to_string(&path).expect("text");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, serde_saphyr::from_str::<Value>(&text).ok())
    });
    let mut files = read.collect::<Vec<_>>();
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    files
}

fn schema() -> Value {
    BuiltIn::default().add_to(Types::default()).expect("they have different names").schema()
}

#[test]
fn every_example_config_matches_the_schema() {
    let validator = jsonschema::validator_for(&schema()).expect("it is a schema");
    let examples = files("config");
    assert!(examples.len() >= 3, "they are there");
    for (name, document) in examples {
        let document = document.expect("it is YAML");
        let told = validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path()));
        assert_eq!(told.collect::<Vec<_>>(), [] as [String; 0], "{name}");
    }
}

#[test]
fn the_schema_refuses_every_bad_config_that_it_can_detect() {
    let validator = jsonschema::validator_for(&schema()).expect("it is a schema");
    let refused = |document: &Option<Value>| document.as_ref().is_some_and(|it| !validator.is_valid(it));
    let bad = files("crates/scheduler/tests/cli/bad");
    let taken = bad.iter().filter(|(_, document)| !refused(document)).map(|(name, _)| name.as_str());
    assert_eq!(taken.collect::<BTreeSet<_>>(), BTreeSet::from(BEYOND));
    assert!(bad.len() > 2 * BEYOND.len(), "most of what is wrong is seen while it is typed");
}

#[test]
fn custom_types_may_have_any_options() {
    let validator = jsonschema::validator_for(&schema()).expect("it is a schema");
    let of = |provider: &str, sink: &str| {
        let yaml = format!(
            "providers: {{ x: {provider} }}\nsinks: {{ y: {sink} }}\ntargets: [{{ namespace: a, providers: [x] }}]\n"
        );
        validator.is_valid(&serde_saphyr::from_str::<Value>(&yaml).expect("YAML"))
    };
    assert!(of("{ type: harbor, robot: a }", "{ type: gitlab, token_file: /x }"));
    assert!(!of("{ robot: a }", "{ type: gitlab }"), "but they have a type");
    assert!(!of("{ type: ecr, region: eu-west-1, robot: a }", "{ type: openshift }"));
    assert!(!of("{ type: harbor }", "{ type: kubernetes, token_file: /x }"));
    assert!(!of("{ type: quay, robot: a }", "{ type: openshift }"));
}
