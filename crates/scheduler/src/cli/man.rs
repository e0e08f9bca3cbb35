//! `regcred man`: pages for `man`.

use std::{fs, process::ExitCode};

use anyhow::{Context, Result};
use clap::Command;

use super::flags::Man;

pub(crate) fn run(args: &Man, command: Command) -> Result<ExitCode> {
    let dir = args.folder.display();
    fs::create_dir_all(&args.folder).with_context(|| format!("{dir} cannot be made"))?;
    clap_mangen::generate_to(command.disable_help_subcommand(true), &args.folder)
        .with_context(|| format!("{dir} cannot be written to"))?;
    Ok(ExitCode::SUCCESS)
}
