//! `regcred completions`: prints completions for a shell.

use std::process::ExitCode;

use anyhow::Result;
use clap::Command;
use clap_complete::Shell;

use super::output::print_text;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the shell
    pub(crate) shell: Shell,
}

pub(crate) fn run(args: &Args, mut command: Command) -> Result<ExitCode> {
    let mut script = vec![];
    clap_complete::generate(args.shell, &mut command, "regcred", &mut script);
    print_text(&String::from_utf8(script)?)?;
    Ok(ExitCode::SUCCESS)
}
