//! Checks the changes of public APIs with cargo-semver-checks.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context, Result, ensure};

use super::packages::{Package, published};
use crate::{
    process::{cargo, git, run as run_command},
    tools::SEMVER_CHECKS,
};

/// Compares every library with that of a revision, or with the latest published version.
///
/// A breaking change requires a new version. Otherwise this fails.
pub(crate) fn run(revision: Option<&str>, only: &[String]) -> Result<()> {
    let is_asked = |it: &Package| it.is_library && (only.is_empty() || only.contains(&it.name));
    let libraries = published()?.into_iter().filter(is_asked).collect::<Vec<_>>();
    ensure!(!libraries.is_empty(), "no published library is called {}", only.join(" or "));
    let earlier = revision.map_or_else(|| on_crates_io(&libraries), names)?;
    let (old, new) = libraries.into_iter().partition::<Vec<Package>, _>(|it| earlier.contains(&it.name));
    let baseline = revision.unwrap_or("crates.io");
    for package in &new {
        println!("{}: not compared, because {baseline} does not have it", package.name);
    }
    if old.is_empty() {
        println!("there is no baseline: name a revision with --baseline");
        return Ok(());
    }
    let mut check = SEMVER_CHECKS.command(["semver-checks", "check-release", "--default-features"])?;
    check.args(old.iter().flat_map(|it| ["--package", it.name.as_str()]));
    if let Some(revision) = revision {
        check.args(["--baseline-rev", revision]);
    }
    run_command(&mut check)
}

/// Returns the crates of a revision.
fn names(revision: &str) -> Result<BTreeSet<String>> {
    let files = git(&["ls-tree", "-r", "--name-only", revision])?;
    let manifests = files.lines().filter(|file| Path::new(file).file_name().is_some_and(|it| it == "Cargo.toml"));
    let mut names = BTreeSet::new();
    for manifest in manifests {
        let text = git(&["show", &format!("{revision}:{manifest}")])?;
        names.extend(
            text.lines().find_map(|line| Some(line.strip_prefix("name = \"")?.trim_end_matches('"').to_owned())),
        );
    }
    ensure!(!names.is_empty(), "{revision} has no crates");
    Ok(names)
}

/// Returns the crates that exist on crates.io.
fn on_crates_io(packages: &[Package]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for Package { name, .. } in packages {
        names.extend(is_on_crates_io(name)?.then(|| name.clone()));
    }
    Ok(names)
}

/// Returns whether a crate exists on crates.io. It runs outside the workspace, where cargo does not find the local
/// crate.
fn is_on_crates_io(name: &str) -> Result<bool> {
    let mut info = cargo();
    info.current_dir(std::env::temp_dir()).args(["info", "--registry", "crates-io", name]);
    let output = info.output().context("cannot start cargo")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let is_unknown = errors.contains("could not find");
    ensure!(output.status.success() || is_unknown, "cannot ask crates.io about {name}: {errors}");
    Ok(output.status.success())
}
