//! Checks regcred as a dependency of other programs. Every set of adapters compiles alone, and a program outside the
//! workspace embeds them.

use std::fs;

use anyhow::{Result, ensure};

use crate::{
    process::{cargo, root, run as run_command},
    tidy,
};

/// The sets of adapters that a program may select.
const FEATURES: [&str; 4] = ["", "ecr", "openshift", "ecr,openshift"];
/// Only the binary needs these.
const BINARY: [&str; 3] = ["axum", "clap", "tracing-subscriber"];
/// Only the adapters need these.
const ADAPTERS: [&str; 4] = ["aws-config", "aws-sdk-ecr", "k8s-openapi", "kube"];

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
        // A folder without `.cargo/config.toml`, which would pick a Kubernetes version. The program must pick its own.
        cargo.current_dir(elsewhere.path()).env_remove("K8S_OPENAPI_ENABLED_VERSION");
        cargo.env("CARGO_TARGET_DIR", root().join("target")).arg(command);
        cargo.arg("--manifest-path").arg(folder.join("Cargo.toml"));
        cargo
    };
    run_command(theirs("fmt").arg("--check"))?;
    let brings_none = |features: &[&str], names: &[&str], what: &str| -> Result<()> {
        let tree = tidy::names(theirs("tree").args(["--edges", "normal"]).args(features))?;
        let found = names.iter().find(|name| tree.contains(**name));
        ensure!(found.is_none(), "{} is in the tree of {what}", found.unwrap_or(&""));
        Ok(())
    };
    brings_none(&[], &BINARY, "a program that embeds regcred without its binary")?;
    let adapters = [BINARY.as_slice(), ADAPTERS.as_slice()].concat();
    brings_none(&["--no-default-features"], &adapters, "a program with its own provider and sink")?;
    // The program and its command line use the types of different Kubernetes versions.
    run_command(theirs("test").arg("--quiet"))?;
    run_command(theirs("test").args(["--quiet", "--no-default-features", "--features", "cli"]))?;
    println!("a program outside the workspace embeds regcred, and a command line has its types");
    Ok(())
}
