//! `regcred man`: pages for `man`.

use std::{fs, process::ExitCode};

use anyhow::{Context, Result};
use clap::CommandFactory;

use super::args::{Args, Man};

pub(crate) fn run(args: &Man) -> Result<ExitCode> {
    let dir = args.folder.display();
    fs::create_dir_all(&args.folder).with_context(|| format!("{dir} cannot be made"))?;
    clap_mangen::generate_to(Args::command().disable_help_subcommand(true), &args.folder)
        .with_context(|| format!("{dir} cannot be written to"))?;
    Ok(ExitCode::SUCCESS)
}
