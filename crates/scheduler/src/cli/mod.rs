//! The command line.

mod administrator;
mod args;
mod check;
mod cleanup;
mod completions;
#[cfg(test)]
mod documents;
mod init;
mod logs;
mod man;
mod manifests;
mod next;
mod once;
mod online;
mod output;
mod panics;
mod pass;
mod plan;
mod progress;
mod run;
mod schema;
mod session;
mod status;
mod template;
mod version;
mod who;

use std::process::ExitCode;

use clap::Parser;

use self::{
    args::{Args, Command},
    output::tell,
};
use crate::Types;

/// Nothing can work before a person acts: config, usage or permission.
const EXIT_INVALID: u8 = 2;
/// Nobody said no: provider or cluster could not be reached.
const EXIT_UNREACHABLE: u8 = 3;

/// Parses, runs with a config that may name these types, and says with its exit code what came of it: 0 everything is as it should be, 1 something failed or was
/// refused, 2 a person has to act first, 3 provider or cluster could not be reached.
pub fn main(types: &Types) -> ExitCode {
    panics::install();
    let args = Args::parse();
    logs::install(args.log_format, types.log_targets().to_vec());
    let done = match args.command {
        Command::Init(init) => init::run(&init, types, args.output),
        Command::Run(run) => run::run(&run, types),
        Command::Once(once) => once::run(&once, types, args.output),
        Command::Plan(plan) => plan::run(&plan, types, args.output),
        Command::Status(status) => status::run(&status, types, args.output),
        Command::Check(check) => check::run(&check, types, args.output),
        Command::Next(next) => next::run(&next, types, args.output),
        Command::Cleanup(cleanup) => cleanup::run(&cleanup, types, args.output),
        Command::Manifests(manifests) => manifests::run(&manifests, types, args.output),
        Command::Schema => schema::run(),
        Command::Completions(completions) => completions::run(&completions),
        Command::Man(man) => man::run(&man),
        Command::Version => version::run(args.output),
    };
    done.unwrap_or_else(|error| {
        let problems = format!("{error:#}");
        problems.lines().for_each(|problem| tell(&format!("error: {problem}\n")));
        ExitCode::from(EXIT_INVALID)
    })
}
