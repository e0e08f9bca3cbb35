//! The command line.

mod administrator;
mod args;
mod check;
mod cleanup;
mod colour;
mod completions;
#[cfg(test)]
mod documents;
mod exit;
mod failure;
mod flags;
mod form;
mod init;
mod installed;
mod json_logs;
mod logs;
mod man;
mod manifests;
mod merged;
mod next;
mod notes;
mod once;
mod online;
mod output;
mod panics;
mod parse;
mod pass;
mod plan;
mod progress;
mod run;
mod schema;
mod session;
mod status;
mod stderr;
mod template;
mod terminal;
mod usage;
mod version;
mod who;

use std::process::ExitCode;

use clap::CommandFactory;

use self::{
    args::{Args, Command},
    exit::EXIT_INVALID,
    stderr::Voice,
};
use crate::Types;

/// Parses the command line and runs it, with a config that may name these types.
///
/// Returns the exit code: 0 everything is as it should be, 1 something failed or was refused, 2 a person has to act first, 3 provider or
/// cluster could not be reached.
pub fn main(types: &Types) -> ExitCode {
    panics::install();
    let args = match parse::parse() {
        Ok(args) => args,
        Err(fault) => return usage::answer(&fault),
    };
    stderr::install(Voice { format: args.log_format, quiet: args.quiet });
    colour::install(args.no_color);
    logs::install(&args.logs(), types.log_targets().to_vec());
    let output = args.output;
    run(args, types).unwrap_or_else(|error| {
        failure::report(output, &error, EXIT_INVALID);
        ExitCode::from(EXIT_INVALID)
    })
}

fn run(args: Args, types: &Types) -> anyhow::Result<ExitCode> {
    let output = args.output;
    form::check(&args)?;
    match args.command {
        Command::Init(init) => init::run(&init, types, output),
        Command::Run(run) => run::run(&run, types),
        Command::Once(once) => once::run(&once, types, output),
        Command::Plan(plan) => plan::run(&plan, types, output),
        Command::Status(status) => match status.pass.config.instance_alone() {
            Some(instance) => installed::run(instance, &status, output),
            None => status::run(&status, types, output),
        },
        Command::Check(check) => check::run(&check, types, output),
        Command::Next(next) => next::run(&next, types, output),
        Command::Cleanup(cleanup) => cleanup::run(&cleanup, types, output),
        Command::Manifests(manifests) => manifests::run(&manifests, types, output),
        Command::Schema(schema) => schema::run(&schema, output),
        Command::Completions(completions) => completions::run(&completions, Args::command()),
        Command::Man(man) => man::run(&man, Args::command()),
        Command::Version => version::run(output),
    }
}
