//! Checks licences, bans, duplicates, advisories and unused dependencies, with cargo-deny and cargo-machete.

use anyhow::{Context, Result, ensure};

use crate::{
    process::run,
    tools::{DENY, MACHETE},
};

/// cargo-deny prints this if it cannot reach the advisory database.
const UNREACHABLE: &str = "failed to fetch advisory database";

/// Checks the dependencies of every crate. An unreachable advisory database is reported, but is not a failure.
pub(crate) fn check() -> Result<()> {
    let deny = || DENY.command(["--locked", "check"]);
    run(deny()?.args(["--hide-inclusion-graph", "bans", "licenses", "sources"]))?;
    let output = deny()?.arg("advisories").output().context("cannot start cargo-deny")?;
    let text = String::from_utf8_lossy(&output.stderr);
    if text.contains(UNREACHABLE) {
        println!("advisories: not checked, because the advisory database cannot be fetched");
    } else {
        print!("{text}");
        ensure!(output.status.success(), "cargo-deny found an advisory");
    }
    run(&mut MACHETE.command(["."])?)
}
