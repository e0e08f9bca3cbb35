//! regcred as others use it: every set of adapters stands alone, and a program outside the workspace embeds them.

use std::fs;

use anyhow::{Result, ensure};

use crate::{
    process::{cargo, root, run as run_command},
    tidy,
};

/// The sets of adapters that a library may be wanted with.
const FEATURES: [&str; 4] = ["", "ecr", "openshift", "ecr,openshift"];
/// Only the binary needs these.
const NEVER: [&str; 4] = ["axum", "clap", "prometheus-client", "tracing-subscriber"];

pub(crate) fn run() -> Result<()> {
    for features in FEATURES {
        let mut clippy = cargo();
        clippy.args(["clippy", "--package", "regcred", "--lib", "--no-default-features", "--features", features]);
        run_command(clippy.args(["--quiet", "--locked", "--", "-D", "warnings"]))?;
    }
    let (folder, elsewhere) = (root().join("tests/third-party"), tempfile::tempdir()?);
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let theirs = |command: &str| {
        let mut cargo = cargo();
        // Where `.cargo/config.toml` is not found: it would pick a Kubernetes version, which is theirs to pick.
        cargo.current_dir(elsewhere.path()).env_remove("K8S_OPENAPI_ENABLED_VERSION");
        cargo.env("CARGO_TARGET_DIR", root().join("target")).arg(command);
        cargo.arg("--manifest-path").arg(folder.join("Cargo.toml"));
        cargo
    };
    run_command(theirs("fmt").arg("--check"))?;
    let tree = tidy::names(theirs("tree").args(["--edges", "normal"]))?;
    for name in NEVER {
        ensure!(!tree.contains(name), "{name} is in the tree of a program that embeds regcred without its binary");
    }
    run_command(theirs("test").arg("--quiet"))?;
    println!("a program outside the workspace embeds regcred");
    Ok(())
}
