//! Lists the components of the binary, as a bill of materials in `CycloneDX` 1.5.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::process::{cargo, read, root};

/// Returns every crate that is linked into the binary, with its version, licence and checksum.
pub(crate) fn of_the_binary() -> Result<String> {
    let tree = [
        "tree",
        "--package",
        "regcred-scheduler",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--locked",
    ];
    let tree = read(cargo().args(tree))?;
    let linked = tree.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.trim_start_matches('v').to_owned()))
    });
    let linked = linked.collect::<BTreeSet<_>>();
    let metadata = read(cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata = serde_json::from_str::<Value>(&metadata)?;
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    let sums = checksums()?;
    let mut components = vec![];
    for package in packages {
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        let (name, version) = (text("name"), text("version"));
        if name == "regcred-scheduler" || !linked.contains(&(name.clone(), version.clone())) {
            continue;
        }
        let url = format!("pkg:cargo/{name}@{version}");
        let mut component = json!({ "type": "library", "bom-ref": url, "name": name, "version": version, "purl": url });
        if let Some(licence) = package["license"].as_str() {
            // An older syntax for a choice of licences.
            component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
        }
        if let Some(sum) = sums.get(&(name, version)) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
        }
        components.push(component);
    }
    let version = env!("CARGO_PKG_VERSION");
    let bill = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": { "component": {
            "type": "application", "bom-ref": format!("pkg:cargo/regcred@{version}"), "name": "regcred", "version": version,
            "licenses": [{ "expression": "Apache-2.0" }],
        } },
        "components": components,
    });
    Ok(format!("{bill:#}\n"))
}

/// Returns the checksums in the lock file, by name and version, of each crate that comes from a registry.
fn checksums() -> Result<BTreeMap<(String, String), String>> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock"))?;
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'));
        line.map(str::to_owned)
    };
    let blocks = lock.split("[[package]]").skip(1);
    Ok(blocks.filter_map(|it| Some(((value(it, "name")?, value(it, "version")?), value(it, "checksum")?))).collect())
}
