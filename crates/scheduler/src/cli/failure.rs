//! Errors for tools.
//!
//! With `-o json` or `-o yaml`, standard output contains the problems of standard error as one document.

use std::process::ExitCode;

use anyhow::Error;
use regcred_config::{Origin, Problem, Problems};
use regcred_core::Code;
use serde_json::{Value, json};

use super::{
    exit::EXIT_UNREACHABLE,
    flags::Output,
    output::{print_text, yaml},
    stderr,
};

use crate::codes;

/// One problem, with its place if it is in a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    code: &'static Code,
    message: String,
    /// The file, or another source of the value, such as `environment REGCRED__SCHEDULE`.
    file: Option<String>,
    line: Option<u64>,
    path: Option<String>,
    /// The text for people, with the fix.
    text: String,
}

impl Failure {
    /// Returns a problem without a place. The fix is that of the code, unless the text has one on its second line.
    pub(crate) fn of(code: &'static Code, text: &str) -> Self {
        let has_fix = text.contains('\n');
        let shown = if has_fix { text.into() } else { format!("{text}\n  fix: {}", code.fix()) };
        Self { code, message: text.into(), file: None, line: None, path: None, text: shown }
    }

    /// Returns a problem of a file, or of the part of the file that `path` names.
    pub(crate) fn in_file(file: &str, path: Option<&str>, code: &'static Code, message: &str) -> Self {
        let text = [Some(file), path, Some(message)].into_iter().flatten().collect::<Vec<_>>().join(": ");
        Self { code, message: message.into(), file: Some(file.into()), line: None, path: path.map(str::to_owned), text }
    }

    fn at(problem: &Problem) -> Self {
        let origin = problem.origin.as_ref();
        Self {
            code: problem.code,
            message: problem.message.clone(),
            file: origin.map(Origin::source).or_else(|| problem.file.clone()),
            line: origin.map_or(problem.line, Origin::line),
            path: origin.map(Origin::path),
            text: problem.to_string(),
        }
    }

    fn report(&self) {
        stderr::error(self.code, &self.text);
    }

    pub(crate) fn json(&self) -> Value {
        let Self { code, message, file, line, path, text: _ } = self;
        json!({ "code": code.id(), "message": message, "fix": code.fix(), "file": file, "line": line, "path": path })
    }
}

/// Reports that a server cannot be reached, with the fix.
pub(crate) fn unreachable(error: &regcred_core::Error) -> ExitCode {
    Failure::of(error.code(), &error.chain()).report();
    ExitCode::from(EXIT_UNREACHABLE)
}

/// Reports an error on standard error and, for tools, on standard output.
pub(crate) fn report(output: Output, error: &Error, exit_code: u8) {
    let failures = match error.downcast_ref::<Problems>() {
        Some(problems) => problems.iter().map(Failure::at).collect(),
        None => vec![Failure::of(code(error), &format!("{error:#}"))],
    };
    failures.iter().for_each(Failure::report);
    print(output, &failures, exit_code);
}

/// Returns the code of an error. An error of the operating system has a general one.
fn code(error: &Error) -> &'static Code {
    let known = error.chain().find_map(|cause| cause.downcast_ref::<regcred_core::Error>());
    known.map_or(&codes::COMMAND, |error| error.code())
}

/// Prints errors as one document if the output is JSON or YAML. Prints nothing in the other formats.
pub(crate) fn print(output: Output, failures: &[Failure], exit_code: u8) {
    let document = json!({
        "errors": failures.iter().map(Failure::json).collect::<Vec<_>>(),
        "exit_code": exit_code,
    });
    let text = match output {
        Output::Json => format!("{document:#}\n"),
        Output::Yaml => yaml(&document),
        Output::Table | Output::Wide | Output::Name => return,
    };
    // A closed pipe is not reported, because the exit code reports the failure too.
    print_text(&text).ok();
}
