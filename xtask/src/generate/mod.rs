//! Files that are made from others, and are checked in.

mod config;

use std::{fmt::Write, fs, path::Path, process::Command};

use anyhow::{Result, ensure};

use crate::{
    faults,
    process::{build, read, root},
};

const CLI_PAGE: &str = "crates/scheduler/docs/cli.md";
const FAULTS_PAGE: &str = "crates/scheduler/docs/faults.md";
const CONFIG_PAGE: &str = "crates/scheduler/docs/config.md";
const SCHEMA: &str = "config/schema.json";
const COMMANDS: [&str; 10] =
    ["init", "once", "plan", "status", "check", "next", "schema", "completions", "man", "version"];

pub(crate) fn run(check: bool) -> Result<()> {
    let regcred = build("regcred", "regcred", false)?;
    let schema = read(Command::new(&regcred).arg("schema").env_clear())?;
    let config_page = config::page(&serde_json::from_str(&schema)?)?;
    let files =
        [(CLI_PAGE, cli_page(&regcred)?), (CONFIG_PAGE, config_page), (FAULTS_PAGE, faults::page()?), (SCHEMA, schema)];
    for (file, page) in files {
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
