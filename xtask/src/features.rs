//! Compiles each feature separately, and the workspace with the oldest supported Rust.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::{cargo, read, root, run};

/// Compiles each library without features and with each feature alone. A warning is a failure.
pub(crate) fn check() -> Result<()> {
    let metadata = metadata()?;
    for package in metadata["packages"].as_array().into_iter().flatten().filter(|it| has_library(it)) {
        let name = package["name"].as_str().context("a package has a name")?;
        let features = package["features"].as_object().into_iter().flat_map(|it| it.keys().map(String::as_str));
        let features = features.filter(|feature| *feature != "default").collect::<Vec<_>>();
        if features.is_empty() {
            continue; // the builds of the workspace compile it as it is
        }
        for feature in [""].into_iter().chain(features) {
            println!("{name} with {}", if feature.is_empty() { "no feature" } else { feature });
            alone(name, feature)?;
        }
    }
    oldest_rust(metadata["packages"][0]["rust_version"].as_str().context("Cargo.toml declares no rust-version")?)
}

fn metadata() -> Result<Value> {
    Ok(serde_json::from_str(&read(cargo().args(["metadata", "--format-version", "1", "--locked", "--no-deps"]))?)?)
}

fn has_library(package: &Value) -> bool {
    let targets = package["targets"].as_array().into_iter().flatten();
    targets.flat_map(|target| target["kind"].as_array().into_iter().flatten()).any(|kind| kind == "lib")
}

fn alone(package: &str, feature: &str) -> Result<()> {
    let mut check = cargo();
    check.args(["check", "--quiet", "--locked", "--lib", "--no-default-features", "--message-format", "json"]);
    let output = check.args(["--package", package, "--features", feature]).stderr(Stdio::inherit()).output()?;
    let messages = String::from_utf8(output.stdout)?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let said = messages.filter(|it| it["reason"] == "compiler-message");
    let said = said.filter_map(|it| it["message"]["rendered"].as_str().map(str::to_owned)).collect::<String>();
    ensure!(output.status.success(), "{said}\n{package} does not compile if {feature:?} is its only feature");
    ensure!(said.is_empty(), "{said}\n{package} compiles with warnings if {feature:?} is its only feature");
    Ok(())
}

/// Compiles the workspace with the Rust that Cargo.toml declares.
fn oldest_rust(declared: &str) -> Result<()> {
    let current = read(Command::new("rustc").arg("--version").current_dir(root()))?;
    if is_version(&current, declared) {
        println!("Rust {declared}: the main build uses it");
        return Ok(());
    }
    let rustup = |args: &[&str]| {
        let mut rustup = Command::new("rustup");
        rustup.args(args).current_dir(root()).env_remove("RUSTUP_TOOLCHAIN");
        rustup
    };
    let install = rustup(&["toolchain", "install", declared, "--profile", "minimal"]).status();
    if !install.is_ok_and(|status| status.success()) {
        println!("Rust {declared}: not checked, because rustup cannot install it");
        return Ok(());
    }
    let check = ["run", declared, "cargo", "check", "--workspace", "--all-targets", "--locked"];
    run(rustup(&check).args(["--target-dir", "target/oldest"]).env_remove("CARGO").env_remove("RUSTC"))?;
    println!("Rust {declared}: compiles the workspace");
    Ok(())
}

/// Returns whether `rustc --version` prints this version, which may omit the patch number.
fn is_version(rustc: &str, declared: &str) -> bool {
    let version = rustc.split(' ').nth(1).unwrap_or_default();
    version.strip_prefix(declared).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::is_version;

    #[test]
    fn a_declared_version_covers_its_patches() {
        let cases = [("1.95", true), ("1.95.0", true), ("1.9", false), ("1.94", false), ("1.95.1", false)];
        for (declared, expected) in cases {
            assert_eq!(is_version("rustc 1.95.0 (59807616e 2026-04-14)", declared), expected, "{declared}");
        }
    }
}
