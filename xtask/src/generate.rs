//! Files that are made from others, and are checked in.

use std::{fmt::Write, fs, path::Path, process::Command};

use anyhow::{Result, ensure};

use crate::{
    faults,
    process::{build, read, root},
};

const CLI_PAGE: &str = "crates/scheduler/docs/cli.md";
const FAULTS_PAGE: &str = "crates/scheduler/docs/faults.md";
const COMMANDS: [&str; 9] = ["init", "once", "plan", "status", "check", "next", "completions", "man", "version"];

pub(crate) fn run(check: bool) -> Result<()> {
    let regcred = build("regcred", "regcred", false)?;
    for (file, page) in [(CLI_PAGE, cli_page(&regcred)?), (FAULTS_PAGE, faults::page()?)] {
        let path = root().join(file);
        if check {
            let stale = fs::read_to_string(&path).unwrap_or_default() != page;
            ensure!(!stale, "{file} is stale: run `cargo xtask generate`");
        } else {
            fs::write(&path, page)?;
            println!("wrote {file}");
        }
    }
    if check {
        println!("generated files are up to date");
    }
    Ok(())
}

/// What the program says of itself.
fn cli_page(regcred: &Path) -> Result<String> {
    let mut page = String::from("<!-- Made by `cargo xtask generate`. -->\n\n# Command line\n");
    let help = |command: &[&str]| {
        let text = read(Command::new(regcred).args(command).arg("--help").env_clear())?;
        anyhow::Ok(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n")
    };
    write!(page, "\n```text\n{}```\n", help(&[])?)?;
    for command in COMMANDS {
        write!(page, "\n## `regcred {command}`\n\n```text\n{}```\n", help(&[command])?)?;
    }
    Ok(page)
}
