//! The published crates of the workspace, in an order in which they can be published.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::{cargo, read};

/// A crate of crates.io.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    /// The feature flags of cargo with which docs.rs builds it.
    pub(super) documented: Vec<String>,
    pub(super) is_library: bool,
    /// The fields that crates.io shows and the crate's manifest does not set.
    pub(super) missing: Vec<&'static str>,
    uses: BTreeSet<String>,
}

/// Returns every published crate, after its dependencies.
pub(super) fn published() -> Result<Vec<Package>> {
    let metadata = read(cargo().args(["metadata", "--format-version", "1", "--locked", "--no-deps"]))?;
    let metadata = serde_json::from_str::<Value>(&metadata)?;
    in_order(array(&metadata["packages"]).filter(|it| it["publish"] != Value::Array(vec![])).map(package).collect())
}

fn package(value: &Value) -> Package {
    let is_absent = |field: &&&str| value[**field].is_null();
    let fields = ["description", "license", "repository", "readme"];
    // A dependency of tests does not need to be published first.
    let uses = array(&value["dependencies"]).filter(|it| it["kind"] != "dev").filter_map(|it| it["name"].as_str());
    let docs = &value["metadata"]["docs"]["rs"];
    let mut documented = vec![];
    if docs["all-features"] == true {
        documented.push("--all-features".to_owned());
    }
    documented.extend(array(&docs["features"]).filter_map(Value::as_str).map(|it| format!("--features={it}")));
    Package {
        name: value["name"].as_str().unwrap_or_default().to_owned(),
        documented,
        is_library: array(&value["targets"]).any(|it| it["kind"][0] == "lib"),
        missing: fields.iter().filter(is_absent).copied().collect(),
        uses: uses.map(str::to_owned).collect(),
    }
}

fn in_order(mut waiting: Vec<Package>) -> Result<Vec<Package>> {
    let mut ordered = vec![];
    while !waiting.is_empty() {
        let names = waiting.iter().map(|it| it.name.clone()).collect::<BTreeSet<_>>();
        let (ready, later) = waiting.into_iter().partition::<Vec<_>, _>(|it| it.uses.is_disjoint(&names));
        ensure!(!ready.is_empty(), "these crates use each other in a circle: {names:?}");
        ordered.extend(ready);
        waiting = later;
    }
    ordered.first().context("no crate is published")?;
    Ok(ordered)
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(name: &str, uses: &[&str]) -> Package {
        let uses = uses.iter().map(|it| json!({ "name": it, "kind": null })).collect::<Vec<_>>();
        package(&json!({ "name": name, "dependencies": uses }))
    }

    #[test]
    fn a_crate_comes_after_its_dependencies() -> Result<()> {
        let ordered = in_order(vec![of("a", &["b", "c"]), of("b", &["c", "serde"]), of("c", &[])])?;
        assert_eq!(ordered.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["c", "b", "a"]);
        assert!(in_order(vec![of("a", &["b"]), of("b", &["a"])]).is_err());
        Ok(())
    }

    #[test]
    fn missing_package_fields_and_docs_flags_are_read_from_a_manifest() {
        let manifest = json!({
            "name": "a", "description": "A", "license": "B", "repository": "C", "readme": null,
            "metadata": { "docs": { "rs": { "all-features": true, "features": ["e"] } } },
            "dependencies": [{ "name": "f", "kind": "dev" }], "targets": [{ "kind": ["lib"] }]
        });
        let it = package(&manifest);
        assert_eq!(it.missing, ["readme"]);
        assert_eq!(it.documented, ["--all-features", "--features=e"]);
        assert!(it.uses.is_empty() && it.is_library);
    }
}
