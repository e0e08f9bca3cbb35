//! Published schemas of Kubernetes kinds, as an API server uses them. See `tests/schemas/README.md`.

use std::{collections::HashMap, fs, path::Path};

use jsonschema::Validator;
use serde_json::Value;

/// All kinds that have a schema.
pub(crate) struct Published(HashMap<String, Validator>);

impl Published {
    pub(crate) fn new() -> Self {
        // Test suites of several crates read these files.
        let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("tests/schemas"));
        let folder = folders.into_iter().find(|folder| folder.exists()).expect("the workspace has it");
        let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let schemas = files.filter(|path| path.extension().is_some_and(|it| it == "json")).map(|path| {
            let schema = serde_json::from_str(&fs::read_to_string(&path).expect("text")).expect("JSON");
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, jsonschema::validator_for(&schema).expect("it is a schema"))
        });
        Self(schemas.collect())
    }

    /// Returns the problems of an object. A missing schema is a problem too.
    pub(crate) fn problems(&self, object: &Value) -> Vec<String> {
        let text = |key: &str| object[key].as_str().unwrap_or_default().to_lowercase();
        let (version, kind) = (text("apiVersion"), text("kind"));
        let (group, version) = version.split_once('/').unwrap_or(("core", &version));
        let name = format!("{group}.{version}.{kind}");
        let Some(schema) = self.0.get(&name) else { return vec![format!("there is no schema of {name}")] };
        let mut problems =
            schema.iter_errors(object).map(|it| format!("{name} {}: {it}", it.instance_path())).collect::<Vec<_>>();
        if object["metadata"]["name"].as_str().is_none_or(str::is_empty) {
            problems.push(format!("{name}: it has no name"));
        }
        problems
    }
}
