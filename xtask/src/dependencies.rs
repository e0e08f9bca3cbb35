//! Licences, bans, duplicates, advisories and unused dependencies, as cargo-deny and cargo-machete see them.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};

use crate::process::{cache, cargo, root, run};

const DENY: (&str, &str) = ("cargo-deny", "0.20.2");
const MACHETE: (&str, &str) = ("cargo-machete", "0.9.2");
/// cargo-deny prints this if it cannot reach the advisory database.
const UNREACHABLE: &str = "failed to fetch advisory database";

/// Checks the dependencies of every crate. An unreachable advisory database is reported, and is no failure.
pub(crate) fn check() -> Result<()> {
    let deny = || anyhow::Ok(tool(DENY)?.command(["--locked", "check"]));
    run(deny()?.args(["--hide-inclusion-graph", "bans", "licenses", "sources"]))?;
    let output = deny()?.arg("advisories").output().context("cannot start cargo-deny")?;
    let text = String::from_utf8_lossy(&output.stderr);
    if text.contains(UNREACHABLE) {
        println!("advisories: not checked, because the advisory database cannot be fetched");
    } else {
        print!("{text}");
        ensure!(output.status.success(), "cargo-deny found an advisory");
    }
    run(&mut tool(MACHETE)?.command(["."]))
}

/// A program of cargo's, in the cache.
struct Tool(PathBuf);

impl Tool {
    fn command<const N: usize>(&self, args: [&str; N]) -> Command {
        let mut command = Command::new(&self.0);
        command.args(args).current_dir(root());
        command
    }
}

/// Installs a program if it is missing. A fast build matters more than a fast program: each runs for two seconds.
fn tool((name, version): (&str, &str)) -> Result<Tool> {
    let folder = cache()?.join(format!("{name}-{version}"));
    let program = folder.join("bin").join(name);
    if !program.exists() {
        let mut install = cargo();
        install.args(["install", "--quiet", name, "--locked", "--version", version, "--root"]).arg(&folder);
        for (key, value) in [("LTO", "off"), ("CODEGEN_UNITS", "16"), ("OPT_LEVEL", "1"), ("DEBUG", "0")] {
            install.env(format!("CARGO_PROFILE_RELEASE_{key}"), value);
        }
        run(&mut install)?;
    }
    Ok(Tool(program))
}
