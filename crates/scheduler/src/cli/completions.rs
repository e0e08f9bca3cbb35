//! `regcred completions`: for shells.

use std::process::ExitCode;

use anyhow::Result;
use clap::Command;

use super::{flags::Completions, output::print_text};

pub(crate) fn run(args: &Completions, mut command: Command) -> Result<ExitCode> {
    let mut script = vec![];
    clap_complete::generate(args.shell, &mut command, "regcred", &mut script);
    print_text(&String::from_utf8(script)?)?;
    Ok(ExitCode::SUCCESS)
}
