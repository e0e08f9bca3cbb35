//! Errors of the command line, with a tip for commands and flags of other tools.

use std::{env, ffi::OsString, process::ExitCode, sync::Arc};

use clap::{
    CommandFactory,
    error::{ContextKind, ContextValue, ErrorKind},
};
use regcred_core::Clock;

use super::{
    args::Args,
    exit::EXIT_INVALID,
    failure,
    flags::{LogFormat, Output},
    parse::{Fault, flag},
    stderr::{self, Lines, Voice},
};

use crate::codes;

/// Commands of other tools, with the regcred command that replaces them.
const COMMANDS: [(&[&str], &str); 12] = [
    (&["validate", "lint", "verify", "test", "vet"], "check"),
    (&["doctor", "preflight", "diagnose", "can-i", "whoami", "auth"], "check --online"),
    (&["diff", "dry-run", "dryrun", "preview"], "plan"),
    (&["apply", "sync", "refresh", "renew", "rotate", "update", "reconcile", "login"], "once"),
    (&["get", "list", "ls", "ps", "describe", "show", "top"], "status"),
    (&["watch"], "status --watch"),
    (&["daemon", "serve", "server", "start", "controller", "operator"], "run"),
    (&["delete", "uninstall", "destroy", "remove", "rm", "prune", "down"], "cleanup"),
    (&["install", "generate", "render", "template", "yaml", "deploy"], "manifests"),
    (&["import", "migrate", "discover", "adopt", "scan"], "init"),
    (&["config", "view"], "check --show"),
    (&["cron", "schedule"], "next"),
];

/// Flags of other tools, the commands for which the tip is right, and the tip.
///
/// An empty list of commands means all commands. The first tip that fits is printed.
const FLAGS: [(&[&str], &[&str], &str); 30] = [
    (DRY_RUN, &["cleanup"], "cleanup only lists without --yes"),
    (DRY_RUN, &["init", "manifests"], "this command only prints"),
    (DRY_RUN, &["plan", "status", "check", "next", "schema", "version"], "this command changes nothing"),
    (DRY_RUN, &[], "use `regcred plan`"),
    (&["--diff"], &["plan"], "plan prints what would change"),
    (&["--check"], &["check"], "check changes nothing"),
    (&["--diff", "--check"], &[], "use `regcred plan`"),
    (&["--offline"], &["check", "next"], "this command asks providers and the cluster only with --online"),
    (&["--offline"], &["manifests", "schema", "version"], "this command asks no server"),
    (&["--online"], &["once", "plan", "status", "run", "cleanup", "init"], "this command always asks the cluster"),
    (&["--once", "--oneshot"], &["run"], "use `regcred once`"),
    (&["--once", "--oneshot"], &["once", "plan"], "this command runs one pass"),
    (&["--follow", "--interval"], &["status"], "use --watch"),
    (&["--watch", "--follow", "--daemon", "--interval"], &["run"], "run is a daemon and watches the cluster"),
    (&["--watch", "--follow", "--daemon", "--interval", "-w"], &[], "use `regcred run`, or `regcred status --watch`"),
    (&["-y"], &["cleanup"], "use --yes"),
    (&["--force"], &["cleanup"], "use --yes, and --even-if-running if the installation still runs"),
    (&["-y", "--yes"], &[], "regcred asks no questions"),
    (&["--all"], &["status"], "all targets are listed"),
    (&["--all"], &["once"], "all targets are handled. --force also refreshes fresh Secrets"),
    (&["--all"], &["plan", "run"], "all targets are handled"),
    (&["--all-namespaces", "-A"], &["init", "cleanup"], "every namespace is searched without --namespace"),
    (&["--all-namespaces", "-A"], &[], "every namespace of the config is taken"),
    (
        &["--selector", "-l"],
        &["once", "plan", "status", "run", "check", "next", "manifests"],
        "set `selector` of `namespaces` in the config",
    ),
    (&["--config", "-f", "-c", "--values", "--file", "--filename"], &["init"], "init reads no config, and prints one"),
    (
        &["--values", "--file", "--filename"],
        &["once", "plan", "status", "run", "check", "next", "manifests", "cleanup"],
        "use --config",
    ),
    (&["--kube-context"], &[], "use --context"),
    (&["--format", "--output-format"], &[], "use --output"),
    (&["--json"], &[], "use --output json"),
    (&["--debug", "--log-level"], &[], "use --verbose"),
];
const DRY_RUN: &[&str] = &["--dry-run", "--dryrun", "--noop", "--what-if", "--preview"];

/// Prints help, a version or an error, and returns the exit code.
pub(crate) fn answer(fault: &Fault, clock: Arc<dyn Clock>) -> ExitCode {
    let Fault { error, variable } = fault;
    if !error.use_stderr() {
        // A closed pipe is not an error: the reader may have seen enough.
        error.print().ok();
        return ExitCode::SUCCESS;
    }
    let words = env::args_os().skip(1).collect::<Vec<_>>();
    let format = if said(&words, &["--log-format"], "REGCRED_LOG_FORMAT") == Some("json".into()) {
        LogFormat::Json
    } else {
        LogFormat::Text
    };
    stderr::install(Voice { lines: Lines::new(format, clock), quiet: false });
    let text = error.render().to_string();
    let text = text.trim_end().strip_prefix("error: ").unwrap_or(text.trim_end());
    let text = match (tip(error, &words), variable) {
        (Some(tip), _) => with_tip(text, &tip),
        (None, Some(variable)) => of_variable(text, error, variable),
        (None, None) => text.to_owned(),
    };
    stderr::error(&codes::USAGE, &text);
    let output = said(&words, &["--output", "-o"], "REGCRED_OUTPUT");
    let output = match output.as_deref() {
        Some("json") => Output::Json,
        Some("yaml") => Output::Yaml,
        _ => Output::Table,
    };
    failure::print(output, &[failure::Failure::of(&codes::USAGE, &text)], EXIT_INVALID);
    ExitCode::from(EXIT_INVALID)
}

/// Returns the value of an option before the command line is parsed.
///
/// The last value wins. Without one, the variable gives the value.
fn said(words: &[OsString], names: &[&str], variable: &str) -> Option<String> {
    let texts = words.iter().map(|it| it.to_string_lossy()).take_while(|it| it != "--").collect::<Vec<_>>();
    let value = |place: usize| {
        names.iter().find_map(|name| {
            let rest = texts[place].strip_prefix(name)?;
            match rest.strip_prefix('=') {
                Some(value) => Some(value.to_owned()),
                None if rest.is_empty() => texts.get(place + 1).map(ToString::to_string),
                None => (!name.starts_with("--")).then(|| rest.to_owned()),
            }
        })
    };
    (0..texts.len()).rev().find_map(value).or_else(|| env::var(variable).ok().filter(|value| !value.is_empty()))
}

/// Returns a tip that names regcred's command or flag for one of another tool.
fn tip(error: &clap::Error, words: &[OsString]) -> Option<String> {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = context(ContextKind::InvalidSubcommand)?.to_ascii_lowercase();
            let found = COMMANDS.iter().find(|(words, _)| words.contains(&word.as_str()));
            found.map(|(_, command)| format!("`regcred {command}` does that"))
        }
        ErrorKind::UnknownArgument => {
            let said = flag(error)?.split(['=', ' ']).next().unwrap_or_default();
            let flag = if said.len() > 2 { said.to_ascii_lowercase().replace('_', "-") } else { said.to_owned() };
            let command = command(words);
            if matches!(flag.as_str(), "-n" | "--count") && command.as_deref() == Some("next") {
                return Some("--count sets the number".into());
            }
            if flag != said && has_flag(command.as_deref(), &flag) {
                return Some(format!("instead of {said}: use {flag}"));
            }
            let fits =
                |commands: &[&str]| commands.is_empty() || command.as_deref().is_some_and(|it| commands.contains(&it));
            let found = FLAGS.iter().find(|(flags, commands, _)| flags.contains(&flag.as_str()) && fits(commands));
            found.map(|(_, _, tip)| {
                let is_replaced = tip.starts_with("use ") || tip.starts_with("set ");
                format!("{} {said}: {tip}", if is_replaced { "instead of" } else { "leave out" })
            })
        }
        _ => None,
    }
}

/// Returns the first command that the words name.
fn command(words: &[OsString]) -> Option<String> {
    let known = Args::command();
    let mut words = words.iter().map(|word| word.to_string_lossy().into_owned());
    words.find(|word| known.find_subcommand(word).is_some())
}

fn has_flag(command: Option<&str>, flag: &str) -> bool {
    let known = Args::command();
    let own = command.and_then(|name| known.find_subcommand(name));
    let mut all = known.get_arguments().chain(own.into_iter().flat_map(clap::Command::get_arguments));
    all.any(|arg| arg.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long)))
}

/// Replaces the flag in an error with its variable, because the flag may not be on the command line.
fn of_variable(text: &str, error: &clap::Error, variable: &str) -> String {
    let flag = flag(error).unwrap_or_default();
    text.replace(&format!("for '{flag}'"), &format!("of the variable {variable}"))
}

/// Replaces clap's tip, which is only a guess by spelling, with ours.
fn with_tip(text: &str, tip: &str) -> String {
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with("tip:")).collect::<Vec<_>>();
    lines.dedup_by(|one, other| one.is_empty() && other.is_empty());
    let line = format!("\n  tip: {tip}");
    lines.insert(1, &line);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn told(line: &str) -> String {
        let words = line.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        let error = Args::try_parse_from(std::iter::once("regcred".into()).chain(words.clone())).expect_err(line);
        let text = error.render().to_string();
        tip(&error, &words).map_or_else(|| text.clone(), |tip| with_tip(text.trim_end(), &tip))
    }

    #[test]
    fn commands_and_flags_of_other_tools_get_a_tip() {
        for (line, expected) in [
            ("once --dry-run", "instead of --dry-run: use `regcred plan`"),
            ("run --dry-run=client", "use `regcred plan`"),
            ("once --dry_run", "instead of --dry_run: use `regcred plan`"),
            ("once --Dry-Run", "use `regcred plan`"),
            ("-o json once --dry-run", "use `regcred plan`"),
            ("cleanup --dry-run", "leave out --dry-run: cleanup only lists without --yes"),
            ("cleanup --dry_run", "cleanup only lists without --yes"),
            ("manifests --dry-run", "this command only prints"),
            ("init --dry-run", "this command only prints"),
            ("plan --dry-run", "this command changes nothing"),
            ("status --noop", "this command changes nothing"),
            ("plan --diff", "plan prints what would change"),
            ("once --diff", "use `regcred plan`"),
            ("check --offline", "only with --online"),
            ("next --offline", "only with --online"),
            ("manifests --offline", "asks no server"),
            ("status --online", "always asks the cluster"),
            ("cleanup -y", "instead of -y: use --yes"),
            ("cleanup --force", "use --yes, and --even-if-running"),
            ("once -y", "regcred asks no questions"),
            ("status --all", "all targets are listed"),
            ("once --all", "--force also refreshes fresh Secrets"),
            ("plan --all", "all targets are handled"),
            ("cleanup -A", "every namespace is searched"),
            ("run --watch", "run is a daemon"),
            ("once --watch", "use `regcred run`, or `regcred status --watch`"),
            ("status --follow", "use --watch"),
            ("once --once", "runs one pass"),
            ("init --config x", "init reads no config"),
            ("once --time_zone x", "use --time-zone"),
            ("cleanup --even_if_running", "use --even-if-running"),
            ("once --kube-context x", "use --context"),
            ("once --json", "use --output json"),
            ("run --debug", "use --verbose"),
            ("validate", "`regcred check` does that"),
            ("lint --config x", "`regcred check` does that"),
            ("diff", "`regcred plan` does that"),
            ("preview", "`regcred plan` does that"),
            ("apply", "`regcred once` does that"),
            ("sync", "`regcred once` does that"),
            ("doctor", "`regcred check --online` does that"),
            ("get", "`regcred status` does that"),
            ("get secrets", "`regcred status` does that"),
            ("ls", "`regcred status` does that"),
            ("describe", "`regcred status` does that"),
            ("DELETE", "`regcred cleanup` does that"),
            ("daemon", "`regcred run` does that"),
            ("install", "`regcred manifests` does that"),
            ("migrate", "`regcred init` does that"),
            ("run --once", "instead of --once: use `regcred once`"),
            ("status -A", "every namespace of the config is taken"),
            ("plan -l a=b", "`selector`"),
            ("once --values x", "instead of --values: use --config"),
        ] {
            let told = told(line);
            assert!(told.contains("tip: ") && told.contains(expected), "{line}: {told}");
            assert_eq!(told.matches("tip:").count(), 1, "{line}: {told}");
        }
    }

    #[test]
    fn unknown_commands_and_flags_get_the_message_of_clap() {
        for line in ["statis", "once --contxt x", "frobnicate"] {
            let told = told(line);
            assert!(!told.contains("does that"), "{line}: {told}");
        }
    }

    #[test]
    fn every_tip_names_a_valid_command_line() {
        let named = |tip: &'static str| tip.split('`').skip(1).step_by(2).filter_map(|it| it.strip_prefix("regcred "));
        let tips = FLAGS.iter().flat_map(|(_, _, tip)| named(tip));
        for line in COMMANDS.iter().map(|(_, line)| *line).chain(tips) {
            let error = Args::command().try_get_matches_from(std::iter::once("regcred").chain(line.split(' '))).err();
            assert!(error.is_none_or(|it| it.kind() == ErrorKind::MissingRequiredArgument), "{line}");
        }
    }

    #[test]
    fn every_tip_is_for_commands_and_flags_that_exist() {
        let known = Args::command();
        for (flags, commands, tip) in FLAGS {
            for command in commands {
                let own = known.find_subcommand(command).unwrap_or_else(|| panic!("{command}: {tip}"));
                let unknown = |flag: &&&str| !has_flag(Some(own.get_name()), flag);
                assert!(flags.iter().any(|flag| unknown(&flag)), "{command} has all of {flags:?}");
                let mut named =
                    tip.split(' ').map(|word| word.trim_end_matches([',', '.', '`'])).filter(|it| it.starts_with("--"));
                let is_there = |flag: &str| has_flag(Some(command), flag) || tip.contains(&format!("status {flag}"));
                assert!(named.all(is_there), "{command}: {tip}");
            }
        }
    }

    #[test]
    fn the_output_format_is_known_before_the_command_line_is_parsed() {
        let words = |line: &str| line.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        for (line, expected) in [
            ("once -o json", Some("json")),
            ("once -ojson --x", Some("json")),
            ("once -o=yaml", Some("yaml")),
            ("once --output=json", Some("json")),
            ("once --output json", Some("json")),
            ("once -o table -o json", Some("json")),
            ("-o json x", Some("json")),
            ("once -o", None),
            ("once", None),
            ("once -- -o json", None),
            ("once --outputs json", None),
        ] {
            let found = said(&words(line), &["--output", "-o"], "REGCRED_NO_SUCH_VARIABLE");
            assert_eq!(found.as_deref(), expected, "{line}");
        }
    }
}
