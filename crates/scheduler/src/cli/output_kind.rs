//! Checks that a command can print its result in the chosen form.

use regcred_core::{Error, Result};

use super::{
    args::{Args, Command},
    flags::Output,
};

use crate::codes;

/// Refuses a form that the command cannot print.
///
/// A variable sets the form of all commands. Commands with only one form therefore ignore it, except for the form
/// `name`.
pub(crate) fn check(args: &Args) -> Result<()> {
    let (command, is_set) = (&args.command, args.is_output_set);
    let no_objects = match command {
        Command::Manifests(_) => "this --mode prints no objects",
        _ => "this command has no objects",
    };
    let fix = |forms: &str| {
        if is_set { format!("use --output {forms}") } else { format!("REGCRED_OUTPUT is name: use --output {forms}") }
    };
    match args.output {
        Output::Name if command.has_one_form() => {
            let fix = if is_set { "leave out --output".into() } else { fix("table") };
            Err(Error::new(&codes::USAGE, format!("cannot print names: {no_objects}\n  fix: {fix}")))
        }
        Output::Name if !command.has_names() => {
            let fix = fix("table, wide, json or yaml");
            Err(Error::new(&codes::USAGE, format!("cannot print names: {no_objects}\n  fix: {fix}")))
        }
        Output::Json | Output::Yaml | Output::Wide if is_set && command.has_one_form() => {
            let message =
                "cannot print another form: the result of this command has only one\n  fix: leave out --output";
            Err(Error::new(&codes::USAGE, message))
        }
        _ => Ok(()),
    }
}
