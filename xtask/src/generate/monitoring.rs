//! Rules and dashboard for who runs no operator: checked in, to be imported as they are.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::manifests;

/// The smallest installation: what others call themselves stands in the selectors, and nowhere else.
const CONFIG: &str = "config/minimal.yaml";
const FOLDER: &str = "deploy/monitoring";
/// A chart takes files from its own folder alone.
const CHART: &str = "deploy/chart/regcred/files";
const HEAD: &str =
    "# Made by `cargo xtask generate`: the spec of the PrometheusRule of `regcred manifests --mode daemon`.\n";

/// Every file with its text.
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

/// What stands below the last key of the document, as a document of its own.
fn spec(objects: &str) -> Result<String> {
    let document = objects.split("---\n").find(|it| it.contains("\nkind: PrometheusRule\n")).context("no rules")?;
    let (_, spec) = document.split_once("\nspec:\n").context("a rule has a spec")?;
    let lines =
        spec.lines().map(|line| Ok(format!("{}\n", line.strip_prefix("  ").context("the spec is the last key")?)));
    lines.collect()
}
