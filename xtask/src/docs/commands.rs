//! Checks the lines of `cargo xtask` in Markdown.

use std::fs;

use anyhow::Result;
use clap::{CommandFactory, error::ErrorKind};

use super::repository::Repository;
use crate::{args::Args, process::root};

const PREFIX: &str = "cargo xtask";

/// Returns the lines that this program does not understand.
pub(super) fn problems(repository: &Repository) -> Result<Vec<String>> {
    let mut problems = vec![];
    for file in repository.files().filter(|file| file.extension().is_some_and(|it| it == "md")) {
        let text = fs::read_to_string(root().join(file))?;
        let wrong = lines(&text).into_iter().filter(|line| !is_understood(line));
        problems.extend(wrong.map(|line| format!("{}: {PREFIX} cannot parse `{line}`", file.display())));
    }
    Ok(problems)
}

/// Returns the lines in consoles and between backticks.
fn lines(text: &str) -> Vec<String> {
    let typed = text.lines().filter_map(|line| line.strip_prefix("$ "));
    let inline = text.split("```").step_by(2).flat_map(|prose| prose.split('`').skip(1).step_by(2));
    let lines = typed.chain(inline).filter(|line| line.starts_with(PREFIX)).map(|line| line.replace('\n', " "));
    lines.map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned()).collect()
}

/// Returns whether a line parses. Prose may omit arguments.
fn is_understood(line: &str) -> bool {
    let words = line.strip_prefix(PREFIX).unwrap_or_default().split_whitespace();
    match Args::command().no_binary_name(true).try_get_matches_from(words).map_err(|error| error.kind()) {
        Ok(_) | Err(ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand) => true,
        Err(kind) => kind == ErrorKind::MissingRequiredArgument,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_task_is_found() {
        let page = "Run `cargo xtask\ntidy`, `cargo xtask` or `cargo xtask manifests`.\n\n\
            ```console\n$ cargo xtask e2e --install    # needs root\n$ cargo xtask e2f\n```\n`cargo xtask tidy --now`\n";
        let unknown = lines(page).into_iter().filter(|line| !is_understood(line)).collect::<Vec<_>>();
        assert_eq!(unknown, ["cargo xtask e2f", "cargo xtask tidy --now"]);
    }
}
