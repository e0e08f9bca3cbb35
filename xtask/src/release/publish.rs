//! Publishes every crate, or checks that each can be published.

use anyhow::{Result, ensure};

use super::packages::published;
use crate::process::{cargo, run as run_command};

/// Packages, compiles and documents every crate as crates.io and docs.rs would. Uploads them unless it is a dry run.
pub(crate) fn run(dry_run: bool, allow_dirty: bool) -> Result<()> {
    let packages = published()?;
    let names = packages.iter().map(|it| it.name.as_str()).collect::<Vec<_>>();
    println!("in this order: {}", names.join(", "));
    let lacking = packages.iter().filter(|it| !it.missing.is_empty());
    let lacking = lacking.map(|it| format!("{} lacks {}", it.name, it.missing.join(", "))).collect::<Vec<_>>();
    ensure!(lacking.is_empty(), "crates.io shows more of Cargo.toml:\n{}", lacking.join("\n"));

    for package in packages.iter().filter(|it| it.is_library) {
        let mut doc = cargo();
        doc.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--quiet", "--locked", "--no-deps", "--lib", "--package"]);
        run_command(doc.arg(&package.name).args(&package.documented))?;
    }

    let mut publish = cargo();
    publish.args(["publish", "--locked", "--registry", "crates-io"]);
    publish.args(names.iter().flat_map(|name| ["--package", name]));
    for (flag, is_given) in [("--dry-run", dry_run), ("--allow-dirty", allow_dirty)] {
        if is_given {
            publish.arg(flag);
        }
    }
    run_command(&mut publish)?;
    println!("{} crates {}", names.len(), if dry_run { "can be published" } else { "are published" });
    Ok(())
}
