//! Errors of the command line, with a tip for commands and flags of other tools.

use std::{env, ffi::OsString, process::ExitCode};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{
    EXIT_INVALID,
    args::{LogFormat, Output},
    failure,
    stderr::{self, Voice},
};

/// Commands of other tools, and ours for them.
const COMMANDS: [(&[&str], &str); 13] = [
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
    (&["explain"], "schema"),
    (&["cron", "schedule"], "next"),
];

/// Flags of other tools, and ours for them.
const FLAGS: [(&[&str], &str); 6] = [
    (&["--dry-run", "--diff", "--check", "--noop"], "regcred plan"),
    (&["--once", "--oneshot"], "regcred once"),
    (&["--watch", "--follow", "--daemon", "--interval"], "regcred run, or regcred status --watch"),
    (&["--all-namespaces", "-A"], "leave it out: every namespace of the config is taken"),
    (&["--selector", "-l"], "`selector` of `namespaces` in the config"),
    (&["--values", "--file", "--filename"], "--config"),
];

/// Prints help, a version or an error, and returns the exit code.
pub(crate) fn answer(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // The reader of a pipe may have seen enough.
        error.print().ok();
        return ExitCode::SUCCESS;
    }
    let words = env::args_os().skip(1).collect::<Vec<_>>();
    let format = if said(&words, &["--log-format"], "REGCRED_LOG_FORMAT") == Some("json".into()) {
        LogFormat::Json
    } else {
        LogFormat::Text
    };
    stderr::install(Voice { format, quiet: false });
    let text = error.render().to_string();
    let text = text.trim_end().strip_prefix("error: ").unwrap_or(text.trim_end());
    let text = match tip(error, &words) {
        Some(tip) => with_tip(text, &tip),
        None => text.to_owned(),
    };
    stderr::error(&text);
    let output = said(&words, &["--output", "-o"], "REGCRED_OUTPUT");
    let output = match output.as_deref() {
        Some("json") => Output::Json,
        Some("yaml") => Output::Yaml,
        _ => Output::Table,
    };
    failure::print(output, &[failure::Failure::of(&text)], EXIT_INVALID);
    ExitCode::from(EXIT_INVALID)
}

/// The value of an option before anything is parsed; the last one wins.
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
    (0..texts.len()).rev().find_map(value).or_else(|| env::var(variable).ok())
}

/// Returns our command or flag for one of another tool.
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
            let flag = context(ContextKind::InvalidArg)?;
            let flag = flag.split(['=', ' ']).next().unwrap_or_default();
            if matches!(flag, "-n" | "--count") && words.first().is_some_and(|it| it == "next") {
                return Some("--count says how many".into());
            }
            let found = FLAGS.iter().find(|(flags, _)| flags.contains(&flag));
            found.map(|(_, instead)| format!("instead of {flag}: {instead}"))
        }
        _ => None,
    }
}

/// Puts our tip where clap has its own, which is only a guess by letters.
fn with_tip(text: &str, tip: &str) -> String {
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with("tip:")).collect::<Vec<_>>();
    lines.dedup_by(|one, other| one.is_empty() && other.is_empty());
    let line = format!("\n  tip: {tip}");
    lines.insert(1, &line);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::cli::args::Args;

    fn told(line: &str) -> String {
        let words = line.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        let error = Args::try_parse_from(std::iter::once("regcred".into()).chain(words.clone())).expect_err(line);
        let text = error.render().to_string();
        tip(&error, &words).map_or_else(|| text.clone(), |tip| with_tip(text.trim_end(), &tip))
    }

    #[test]
    fn commands_and_flags_of_other_tools_are_answered_with_ours() {
        for (line, expected) in [
            ("once --dry-run", "instead of --dry-run: regcred plan"),
            ("run --dry-run=client", "regcred plan"),
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
            ("run --once", "instead of --once: regcred once"),
            ("status -A", "leave it out"),
            ("plan -l a=b", "`selector`"),
            ("once --values x", "instead of --values: --config"),
        ] {
            let told = told(line);
            assert!(told.contains("tip: ") && told.contains(expected), "{line}: {told}");
            assert_eq!(told.matches("tip:").count(), 1, "{line}: {told}");
        }
    }

    #[test]
    fn what_no_tool_knows_has_clap_s_own_words() {
        for line in ["statis", "once --contxt x", "frobnicate"] {
            let told = told(line);
            assert!(!told.contains("does that"), "{line}: {told}");
        }
    }

    #[test]
    fn every_tip_names_a_command_line_that_exists() {
        for (_, line) in COMMANDS {
            let error = Args::command().try_get_matches_from(std::iter::once("regcred").chain(line.split(' '))).err();
            assert!(error.is_none_or(|it| it.kind() == ErrorKind::MissingRequiredArgument), "{line}");
        }
    }

    #[test]
    fn formats_are_known_before_the_command_line_is() {
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
