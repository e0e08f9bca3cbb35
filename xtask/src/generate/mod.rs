//! Generates files from other files. The results are committed.

mod chart;
mod config;
mod errors;
mod guide;
mod included;
mod kubectl;
mod manifests;
mod monitoring;

use std::{fmt::Write, fs, path::Path, process::Command};

use anyhow::{Result, ensure};

use crate::{
    faults,
    process::{build, read, root},
};

pub(crate) use self::manifests::write as manifests;

const CLI_PAGE: &str = "docs/cli.md";
const FAULTS_PAGE: &str = "docs/faults.md";
const KUBECTL_PAGE: &str = "docs/kubectl.md";
const CONFIG_PAGE: &str = "docs/config.md";
const SCHEMA: &str = "config/schema.json";
const ERRORS_PAGE: &str = "docs/errors.md";
const COMMANDS: [&str; 14] = [
    "init",
    "run",
    "once",
    "plan",
    "status",
    "check",
    "next",
    "manifests",
    "cleanup",
    "schema",
    "explain",
    "completions",
    "man",
    "version",
];

pub(crate) fn run(check: bool) -> Result<()> {
    let regcred = build("regcred", false)?;
    let schema = read(Command::new(&regcred).arg("schema").env_clear())?;
    let parsed = serde_json::from_str(&schema)?;
    let config_page = config::page(&parsed)?;
    let pod = serde_json::from_str(&read(Command::new(&regcred).args(["schema", "--pod"]).env_clear())?)?;
    let values_schema = chart::schema(&pod)?;
    let pages = [
        (CLI_PAGE, cli_page(&regcred)?),
        (CONFIG_PAGE, config_page),
        (ERRORS_PAGE, errors::page(&regcred)?),
        (FAULTS_PAGE, faults::page()?),
        (KUBECTL_PAGE, kubectl::page()?),
        (SCHEMA, schema),
        (chart::SCHEMA, values_schema),
    ];
    let pages = pages.into_iter().map(|(file, page)| (file.to_owned(), page));
    let pages = pages.chain(manifests::all(&regcred)?).chain(monitoring::all(&regcred)?);
    put(pages.chain(chart::values(&regcred)?), check)?;
    put(included::all()?, check)?;
    put(guide::all()?, check)?; // after the others, because it reads the pages
    if check {
        println!("generated files are up to date");
    }
    Ok(())
}

/// Writes files, or fails if one is stale.
fn put(files: impl IntoIterator<Item = (String, String)>, check: bool) -> Result<()> {
    for (file, page) in files {
        let path = root().join(&file);
        if check {
            let stale = fs::read_to_string(&path).unwrap_or_default() != page;
            ensure!(!stale, "{file} is stale: run `cargo xtask generate`");
        } else {
            fs::create_dir_all(path.parent().expect("it is in a folder"))?;
            fs::write(&path, page)?;
            println!("wrote {file}");
        }
    }
    Ok(())
}

/// Returns the page about the command line, from the program's help.
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
