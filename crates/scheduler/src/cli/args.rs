//! The command line: its commands and the flags of all commands.

use clap::{ArgAction, Parser, Subcommand};

use super::{
    check::Args as Check,
    cleanup::Args as Cleanup,
    completions::Args as Completions,
    explain::Args as Explain,
    flags::{LogFormat, Output},
    init::Args as Init,
    logs::Logs,
    man::Args as Man,
    manifests::Args as Manifests,
    next::Args as Next,
    notes,
    once::Args as Once,
    plan::Args as Plan,
    run::Args as Run,
    schema::Args as Schema,
    status::Args as Status,
};

/// Keep registry credentials fresh on OpenShift and Kubernetes
#[derive(Debug, Parser)]
#[command(name = "regcred", version, max_term_width = 100)]
pub(crate) struct Args {
    /// Format of the result, on standard output
    #[arg(long, short, global = true, value_enum, default_value_t, env = "REGCRED_OUTPUT")]
    pub(crate) output: Output,
    /// Format of logs and errors, on standard error
    #[arg(long, global = true, value_enum, default_value_t, env = "REGCRED_LOG_FORMAT")]
    pub(crate) log_format: LogFormat,
    /// Print only errors on standard error
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print more logs: -v for debug, -vv for trace, which only added providers and sinks use. Without it, RUST_LOG
    /// sets the level
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print no colors. Default: colors at a terminal, unless NO_COLOR is set
    #[arg(long, alias = "no-colour", global = true)]
    pub(crate) no_color: bool,
    /// Whether the command line sets the format of the result. False if a variable or the default sets it.
    #[arg(skip)]
    pub(crate) is_output_set: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// Returns the level and the format of the logs.
    pub(crate) fn logs(&self) -> Logs {
        let asked = match (self.quiet, self.verbose) {
            (true, _) => Some("error"),
            (false, 0) => None,
            (false, 1) => Some("debug"),
            (false, _) => Some("trace"),
        };
        let level = if self.command.writes() { "info" } else { "warn" };
        Logs { format: self.log_format, level, asked, no_color: self.no_color }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find the pull secrets of other tools in a cluster, and print a config that adopts them. Read-only: calls no
    /// provider
    #[command(after_help = notes::INIT)]
    Init(Init),
    /// Run continuously: keep every target fresh, and react to changes in the cluster and in the config
    #[command(after_help = notes::RUN)]
    Run(Run),
    /// Run one pass: refresh what is due, and exit with the result
    #[command(after_help = notes::ONCE)]
    Once(Once),
    /// Print what a pass would do, and why. Read-only: asks providers only for the caller identity
    #[command(after_help = notes::PLAN)]
    Plan(Plan),
    /// Print the state of every target, the worst first. Read-only: calls no provider
    #[command(after_help = notes::STATUS)]
    Status(Status),
    /// Check the config, and print a summary. Contact providers and the cluster only with --online
    #[command(after_help = notes::CHECK)]
    Check(Check),
    /// Print the next runs of a schedule
    #[command(after_help = notes::NEXT)]
    Next(Next),
    /// Print the objects that run a config in a cluster, with only the RBAC rights that it needs
    #[command(after_help = notes::MANIFESTS)]
    Manifests(Manifests),
    /// Remove what an installation left in a cluster: first the links, then the Secrets. Without --yes, only list them
    #[command(after_help = notes::CLEANUP)]
    Cleanup(Cleanup),
    /// Print the JSON schema of a config file, for editors
    #[command(after_help = notes::SCHEMA)]
    Schema(Schema),
    /// Print the cause and the fix of an error code, such as RC0301, or list all codes
    #[command(after_help = notes::EXPLAIN)]
    Explain(Explain),
    /// Print completions for a shell
    #[command(after_help = notes::COMPLETIONS)]
    Completions(Completions),
    /// Write man pages into a folder, one for each command
    #[command(after_help = notes::MAN)]
    Man(Man),
    /// Print the version
    #[command(after_help = notes::VERSION)]
    Version,
}

impl Command {
    /// Whether the command changes objects. If so, the default log level is info, so that the logs report each change.
    fn writes(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Once(_) | Self::Cleanup(_))
    }

    /// Whether the result lists objects, which have names.
    pub(crate) fn has_names(&self) -> bool {
        match self {
            Self::Init(_) | Self::Once(_) | Self::Plan(_) | Self::Status(_) | Self::Cleanup(_) => true,
            Self::Manifests(manifests) => manifests.has_names(),
            _ => false,
        }
    }

    /// Whether the command prints its result in only one form, or prints none.
    pub(crate) fn has_one_form(&self) -> bool {
        matches!(self, Self::Completions(_) | Self::Man(_))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
