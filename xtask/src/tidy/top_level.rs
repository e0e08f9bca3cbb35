//! The files and folders at the top level of the workspace.

use std::collections::BTreeSet;

use anyhow::Result;

use super::workspace::files;

/// The allowed entries. The top level shows the architecture, so it has no others.
const KNOWN: [&str; 15] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "config",
    "crates",
    "deploy",
    "docs",
    "examples",
    "tests",
    "xtask",
];

/// Returns the files and folders that do not belong at the top level.
pub(super) fn unknown() -> Result<Vec<String>> {
    let files = files()?;
    let top = files.iter().filter_map(|path| path.components().next()?.as_os_str().to_str()).collect::<BTreeSet<_>>();
    let unknown = top.into_iter().filter(|name| !name.starts_with('.') && !KNOWN.contains(name));
    Ok(unknown.map(|name| format!("{name} does not belong at the top level")).collect())
}
