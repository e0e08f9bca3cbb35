//! `regcred man`: writes man pages.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Command;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder for the pages, created if it does not exist
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

pub(crate) fn run(args: &Args, command: Command) -> Result<ExitCode> {
    let dir = args.folder.display();
    fs::create_dir_all(&args.folder).with_context(|| format!("cannot create {dir}"))?;
    clap_mangen::generate_to(command.disable_help_subcommand(true), &args.folder)
        .with_context(|| format!("cannot write to {dir}"))?;
    Ok(ExitCode::SUCCESS)
}
