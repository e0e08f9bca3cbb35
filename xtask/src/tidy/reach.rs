//! Crates and features that reach a crate through its dependencies.

use std::{collections::BTreeSet, process::Command};

use anyhow::Result;

use crate::process::{cargo, read};

/// A program with one adapter must not depend on the other adapter, even indirectly.
const APART: [(&str, &[&str]); 3] = [
    ("regcred-ecr", &["kube", "k8s-openapi"]),
    ("regcred-openshift", &["aws-config", "aws-sdk-ecr"]),
    ("regcred-example-pull-image", &["kube", "k8s-openapi"]),
];

/// Returns the adapters that depend on the other one.
pub(super) fn adapters() -> Result<Vec<String>> {
    let mut problems = vec![];
    for (package, never) in APART {
        let tree = names(cargo().args(["tree", "--package", package, "--edges", "normal"]))?;
        problems.extend(never.iter().filter(|it| tree.contains(**it)).map(|it| format!("{package} depends on {it}")));
    }
    Ok(problems)
}

/// Returns every package that this `cargo tree` shows.
pub(crate) fn names(tree: &mut Command) -> Result<BTreeSet<String>> {
    let tree = read(tree.args(["--prefix", "none", "--format", "{p}"]))?;
    Ok(tree.lines().filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect())
}

/// Returns the features for tests that reach the binary.
pub(super) fn test_features() -> Result<Vec<String>> {
    let tree = read(cargo().args([
        "tree",
        "--package",
        "regcred-scheduler",
        "--edges",
        "normal,features",
        "--prefix",
        "none",
    ]))?;
    let test_only = |line: &&str| {
        line.starts_with("mockall ")
            || line.starts_with("regcred-core feature \"testing\"")
            || line.starts_with("regcred-core feature \"mock\"")
    };
    Ok(tree.lines().map(str::trim).filter(test_only).map(|line| format!("{line} is in the binary")).collect())
}
