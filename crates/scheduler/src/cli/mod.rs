//! The command line.

mod args;
mod check;
mod cleanup;
mod colour;
mod completions;
#[cfg(test)]
mod documents;
mod exit;
mod explain;
mod failure;
mod flags;
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
mod output_kind;
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
mod target_state;
mod template;
mod terminal;
mod usage;
mod version;
mod who;

use std::{process::ExitCode, sync::Arc};

use clap::CommandFactory;
use regcred_core::{Clock, SystemClock};

use self::{
    args::{Args, Command},
    exit::EXIT_INVALID,
    stderr::{Lines, Voice},
};
use regcred::{BuiltIn, Types};

/// Parses the command line and runs it.
///
/// A config may name these types. The system clock gives the time.
///
/// Returns the exit code:
///
/// - 0: everything is as it should be
/// - 1: something failed or was refused
/// - 2: a person has to act first
/// - 3: a provider or the cluster could not be reached
pub fn main(types: Types) -> ExitCode {
    panics::install();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let types = BuiltIn::default().with_clock(clock.clone()).add_to(types);
    types.iter().for_each(manifests::identity::install);
    let args = match parse::parse() {
        Ok(args) => args,
        Err(fault) => return usage::answer(&fault, clock),
    };
    stderr::install(Voice { lines: Lines::new(args.log_format, clock.clone()), quiet: args.quiet });
    colour::install(args.no_color);
    let log_targets = types.as_ref().map(|types| types.log_targets().to_vec()).unwrap_or_default();
    logs::install(&args.logs(), log_targets, clock.clone());
    let (output, types) = (args.output, types.map_err(anyhow::Error::from));
    types.and_then(|types| run(args, &types, &clock)).unwrap_or_else(|error| {
        failure::report(output, &error, EXIT_INVALID);
        ExitCode::from(EXIT_INVALID)
    })
}

fn run(args: Args, types: &Types, clock: &Arc<dyn Clock>) -> anyhow::Result<ExitCode> {
    let output = args.output;
    output_kind::check(&args)?;
    match args.command {
        Command::Init(init) => init::run(&init, types, output, &**clock),
        Command::Run(run) => run::run(&run, types, clock),
        Command::Once(once) => once::run(&once, types, output, clock),
        Command::Plan(plan) => plan::run(&plan, types, output, clock),
        Command::Status(status) => match status.pass.config.instance_alone() {
            Some(instance) => installed::run(instance, &status, output, &**clock),
            None => status::run(&status, types, output, clock),
        },
        Command::Check(check) => check::run(&check, types, output, clock),
        Command::Next(next) => next::run(&next, types, output, clock),
        Command::Cleanup(cleanup) => cleanup::run(&cleanup, types, output),
        Command::Manifests(manifests) => manifests::run(&manifests, types, output),
        Command::Schema(schema) => schema::run(&schema, types, output),
        Command::Explain(explain) => explain::run(&explain, types, output),
        Command::Completions(completions) => completions::run(&completions, Args::command()),
        Command::Man(man) => man::run(&man, Args::command()),
        Command::Version => version::run(output),
    }
}
