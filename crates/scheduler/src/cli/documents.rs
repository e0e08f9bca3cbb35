//! Tests of the documentation pages: the program loads every config and parses every command line in them.

use std::{fs, path::PathBuf};

use clap::{
    CommandFactory,
    error::{ContextKind, ContextValue, ErrorKind},
};
use regcred::BuiltIn;
use regcred_plan::{Types, from_yaml};

use super::args::Args;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns every page that a user reads, with its name.
fn pages() -> Vec<(String, String)> {
    let root = root();
    let mut files = vec![root.join("README.md"), root.join("CHANGELOG.md"), root.join("SECURITY.md")];
    for folder in ["docs", "crates/scheduler", "deploy", "deploy/iam", "examples"] {
        let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten().map(|entry| entry.path());
        files.extend(entries.filter(|path| path.extension().is_some_and(|it| it == "md")));
    }
    let read = |path: PathBuf| Some((path.display().to_string(), fs::read_to_string(path).ok()?));
    files.into_iter().filter_map(read).collect()
}

/// Returns the blocks of a page in one language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let parts = page.split(fence.as_str()).skip(1);
    parts.filter_map(|rest| rest.split("\n```").next()).collect()
}

/// Returns the command lines of regcred in a page, from console blocks and from text between backticks.
fn command_lines(page: &str) -> Vec<String> {
    let consoles = blocks(page, "console").into_iter().map(|block| block.replace("\\\n", " ")).collect::<Vec<_>>();
    let typed = consoles.iter().flat_map(|block| block.lines()).filter_map(|line| line.strip_prefix("$ "));
    let prose = page.split("```").step_by(2).flat_map(|text| text.split('`').skip(1).step_by(2));
    let lines = typed.chain(prose).map(|line| line.replace('\n', " "));
    let without_comment = lines.map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned());
    without_comment.filter(|line| line.starts_with("regcred ")).collect()
}

#[test]
fn every_config_in_the_docs_is_valid() {
    let types = BuiltIn::default().add_to(Types::default()).expect("they have different names");
    let mut count = 0;
    for (name, page) in pages() {
        // Objects have an `apiVersion`, and the block of a pod file begins with its name. Every other block is a config.
        for yaml in blocks(&page, "yaml").into_iter().filter(|it| !it.contains("apiVersion:")) {
            if yaml.starts_with("# pod.yaml") {
                regcred_manifests::PodFile::parse(yaml, &types.identities())
                    .unwrap_or_else(|problems| panic!("{name}: {problems}\n{yaml}"));
                continue;
            }
            from_yaml(yaml, &types).unwrap_or_else(|problems| panic!("{name}: {problems}\n{yaml}"));
            count += 1;
        }
    }
    assert!(count >= 6, "{count} were found");
}

#[test]
fn every_command_line_in_the_docs_is_valid() {
    let mut count = 0;
    for (name, page) in pages() {
        for line in command_lines(&page) {
            // The shell handles redirections and pipes, so the test cuts them off.
            let own = line.split(['>', '|', ';']).next().unwrap_or_default();
            let parsed = Args::command().try_get_matches_from(own.split_whitespace());
            // Prose may leave out arguments, and the value of a flag.
            let left_out = [ErrorKind::MissingRequiredArgument, ErrorKind::MissingSubcommand, ErrorKind::DisplayHelp];
            let is_left_out = |error: &clap::Error| {
                let empty = ContextValue::String(String::new());
                left_out.contains(&error.kind()) || error.get(ContextKind::InvalidValue) == Some(&empty)
            };
            let wrong = parsed.err().filter(|error| !is_left_out(error)).map(|error| error.kind());
            assert_eq!(wrong, None, "{name}: {line}");
            count += 1;
        }
    }
    assert!(count >= 10, "{count} were found");
}
