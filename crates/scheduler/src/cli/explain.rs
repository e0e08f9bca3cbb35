//! `regcred explain`: prints the cause and the fix of an error code.

use std::process::ExitCode;

use regcred_core::{Code, Error, Result};
use regcred_plan::Types;
use serde_json::{Value, json};

use super::{
    flags::Output,
    output::{Document, print, table},
};
use crate::codes;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Error code, such as RC0301. Default: all codes
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub(crate) fn run(args: &Args, types: &Types, output: Output) -> anyhow::Result<ExitCode> {
    let mut known = all(types);
    let one = args.code.as_deref().map(|id| find(&known, id)).transpose()?;
    match one {
        Some(code) => print(output, &Explained(code))?,
        None => print(output, &List(std::mem::take(&mut known)))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns every code of this program, sorted by identifier.
pub(crate) fn all(types: &Types) -> Vec<&'static Code> {
    let mut all = [&regcred::codes::all(types), regcred_manifests::codes::CODES, codes::CODES].concat();
    all.sort_by_key(|code| code.id());
    all
}

/// Returns a code by its identifier, in upper or lower case, with or without the brackets of a message.
fn find(known: &[&'static Code], id: &str) -> Result<&'static Code> {
    let wanted = id.trim_matches(['[', ']']);
    let found = known.iter().copied().find(|code| code.id().eq_ignore_ascii_case(wanted));
    found.ok_or_else(|| {
        let message = format!("cannot explain {id:?}: there is no such error code");
        Error::new(&codes::USAGE, message + "\n  fix: list all codes with `regcred explain`")
    })
}

/// One code.
struct Explained(&'static Code);

impl Document for Explained {
    fn table(&self, _: bool) -> String {
        let code = self.0;
        format!("{code}: {}\n\nCause: {}\nFix:   {}\n", code.title(), code.cause(), code.fix())
    }

    fn json(&self) -> Value {
        json(self.0)
    }
}

/// Several codes.
struct List(Vec<&'static Code>);

impl Document for List {
    fn table(&self, _: bool) -> String {
        let row = |code: &&Code| [code.id().to_owned(), code.kind().to_string(), code.title().to_owned()];
        table(["CODE", "KIND", "TITLE"], &self.0.iter().map(row).collect::<Vec<_>>())
    }

    fn json(&self) -> Value {
        self.0.iter().map(|code| json(code)).collect()
    }
}

fn json(code: &Code) -> Value {
    json!({
        "code": code.id(),
        "kind": code.kind().name(),
        "title": code.title(),
        "cause": code.cause(),
        "fix": code.fix(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use regcred::BuiltIn;

    use super::*;

    fn known() -> Vec<&'static Code> {
        all(&BuiltIn::default().add_to(Types::default()).expect("the types fit together"))
    }

    #[test]
    fn each_code_has_its_own_number_and_plain_sentences() {
        let mut ids = BTreeSet::new();
        for code in known() {
            let id = code.id();
            assert!(ids.insert(id), "{id} is there twice");
            assert!(id.len() == 6 && id.starts_with("RC") && id[2..].parse::<u16>().is_ok(), "{id}");
            assert!(!code.title().ends_with('.'), "{id}: {}", code.title());
            for sentences in [code.cause(), code.fix()] {
                assert!(sentences.ends_with('.'), "{id}: {sentences}");
                let longest = sentences.split(". ").map(|it| it.split(' ').count()).max().unwrap_or_default();
                assert!(longest <= 28, "{id} has a sentence of {longest} words: {sentences}");
            }
        }
        assert!(ids.len() > 80, "{ids:?}");
    }

    #[test]
    fn a_code_is_found_as_it_is_printed_or_typed() {
        let known = known();
        for typed in ["RC0301", "rc0301", "[RC0301]"] {
            assert_eq!(find(&known, typed).expect(typed).id(), "RC0301");
        }
        let error = find(&known, "RC9999").expect_err("there is none").to_string();
        assert!(error.contains("no such error code") && error.contains("regcred explain"), "{error}");
    }
}
