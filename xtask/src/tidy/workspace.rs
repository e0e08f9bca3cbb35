//! The crates of the workspace, from `cargo metadata`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::Value;

use super::modules::Modules;
use crate::process::{cargo, read, root};

/// The answer of `cargo metadata`.
pub(super) struct Workspace(Value);

impl Workspace {
    pub(super) fn read() -> Result<Self> {
        let mut command = cargo();
        let metadata = read(command.args(["metadata", "--format-version", "1", "--locked", "--no-deps"]))?;
        Ok(Self(serde_json::from_str(&metadata)?))
    }

    /// Returns the crates of the workspace by name.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &Value)> {
        array(&self.0["packages"]).filter_map(|package| Some((package["name"].as_str()?, package)))
    }

    /// Returns the modules of each target, by crate. File names are relative to the workspace.
    pub(super) fn modules(&self) -> Result<BTreeMap<&str, Vec<Modules>>> {
        let text = |path: &Path| fs::read_to_string(root().join(path)).ok();
        let mut crates = BTreeMap::<_, Vec<_>>::new();
        for (name, member) in self.members() {
            let targets = array(&member["targets"]).filter_map(|target| target["src_path"].as_str());
            for path in targets.collect::<BTreeSet<_>>() {
                let path = Path::new(path).strip_prefix(root()).with_context(|| format!("{path} is outside"))?;
                crates.entry(name).or_default().push(Modules::read(path, &text)?);
            }
        }
        Ok(crates)
    }
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Returns the files that git tracks, relative to the workspace.
pub(super) fn files() -> Result<Vec<PathBuf>> {
    let files = read(Command::new("git").args(["ls-files"]).current_dir(root()))?;
    Ok(files.lines().map(PathBuf::from).collect())
}
