//! Rules and dashboard for installations without the Prometheus operator. They are committed, and can be imported as
//! they are.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::manifests;

/// The smallest installation. The names of an installation appear only in selectors.
const CONFIG: &str = "config/minimal.yaml";
const FOLDER: &str = "deploy/monitoring";
/// A chart includes only files from its own folder.
const CHART: &str = "deploy/chart/regcred/files";
const HEAD: &str =
    "# Made by `cargo xtask generate`: the spec of the PrometheusRule of `regcred manifests --mode daemon`.\n";

/// Returns every file with its text.
pub(super) fn all(regcred: &Path) -> Result<Vec<(String, String)>> {
    let rules = format!("{HEAD}{}", spec(&manifests::of(regcred, CONFIG, "daemon", &manifests::ROLE)?)?);
    let list = manifests::of(regcred, CONFIG, "dashboard", &["--output", "json"])?;
    let list = serde_json::from_str::<Value>(&list)?;
    let dashboard = list["items"][0]["data"]["regcred.json"].as_str().context("there is no dashboard")?.to_owned();
    Ok(vec![
        (format!("{FOLDER}/rules.yaml"), rules.clone()),
        (format!("{FOLDER}/dashboard.json"), dashboard.clone()),
        (format!("{CHART}/rules.yaml"), rules),
        (format!("{CHART}/dashboard.json"), dashboard),
    ])
}

/// Returns the content of the document's last key, `spec`, as a separate document.
fn spec(objects: &str) -> Result<String> {
    let document = objects.split("---\n").find(|it| it.contains("\nkind: PrometheusRule\n")).context("no rules")?;
    let (_, spec) = document.split_once("\nspec:\n").context("a rule has a spec")?;
    let lines =
        spec.lines().map(|line| Ok(format!("{}\n", line.strip_prefix("  ").context("the spec is the last key")?)));
    lines.collect()
}
