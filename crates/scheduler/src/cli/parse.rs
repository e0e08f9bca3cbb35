//! Parses the command line with the environment variables of its flags.
//!
//! An empty variable counts as unset. A fault in the value of a variable names the variable.

use std::env;

use clap::{
    ArgMatches, Command, CommandFactory, FromArgMatches,
    builder::Resettable,
    error::{ContextKind, ContextValue},
    parser::ValueSource,
};

use super::args::Args;

/// An invalid command line.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) error: clap::Error,
    /// The variable with the faulty value. `None` if the fault is on the command line.
    pub(crate) variable: Option<String>,
}

/// Parses the command line of this process.
pub(crate) fn parse() -> Result<Args, Fault> {
    let is_empty = |name: &str| env::var_os(name).is_some_and(|value| value.is_empty());
    let command = without(Args::command(), &is_empty);
    let fault = |error: clap::Error| {
        // If the error disappears without the variable, the variable causes it.
        let variable = variable_of(&command, &error).filter(|variable| {
            let other = without(command.clone(), &|name| name == variable).try_get_matches().err();
            other.is_none_or(|other| other.to_string() != error.to_string())
        });
        Fault { error, variable }
    };
    let mut matches = command.clone().try_get_matches().map_err(fault)?;
    let is_output_set = is_set_by(&matches, ValueSource::CommandLine);
    let mut args = Args::from_arg_matches_mut(&mut matches).map_err(|error| Fault { error, variable: None })?;
    args.is_output_set = is_output_set;
    Ok(args)
}

/// Whether the value of `--output` comes from this source.
fn is_set_by(matches: &ArgMatches, source: ValueSource) -> bool {
    let below = matches.subcommand().map(|(_, matches)| matches);
    [Some(matches), below].into_iter().flatten().any(|it| it.value_source("output") == Some(source))
}

/// Returns the command without the variables with these names.
fn without(command: Command, is_dropped: &impl Fn(&str) -> bool) -> Command {
    let command = command.mut_args(|arg| {
        let name = arg.get_env().map(|name| name.to_string_lossy().into_owned());
        if name.is_some_and(|name| is_dropped(&name)) { arg.env(Resettable::Reset) } else { arg }
    });
    command.mut_subcommands(|command| without(command, is_dropped))
}

/// Returns the variable of the flag that an error is about.
fn variable_of(command: &Command, error: &clap::Error) -> Option<String> {
    let flag = flag(error)?.strip_prefix("--")?;
    let long = flag.split([' ', '=']).next()?;
    let all = command.get_arguments().chain(command.get_subcommands().flat_map(Command::get_arguments));
    let name = all.filter(|arg| arg.get_long() == Some(long)).find_map(|arg| arg.get_env())?;
    env::var_os(name).is_some().then(|| name.to_string_lossy().into_owned())
}

/// Returns the flag that an error is about, as clap writes it: `--output <OUTPUT>`.
pub(crate) fn flag(error: &clap::Error) -> Option<&str> {
    match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(flag) => Some(flag),
        _ => None,
    }
}
