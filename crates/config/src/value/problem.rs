//! Problems of a config, with their places.

use std::{error::Error, fmt};

use regcred_core::Code;

use super::provenance::Origin;
use crate::codes;

/// One problem of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The place. `None`: the whole config, or a file that has no keys yet.
    pub origin: Option<Origin>,
    /// The file, if it could not be read as a configuration.
    pub file: Option<String>,
    /// The line in that file, starting at 1.
    pub line: Option<u64>,
    /// The value that was found, and the values that are allowed.
    pub message: String,
    /// The code. Default: [`VALUE`](codes::VALUE).
    pub code: &'static Code,
}

impl Problem {
    /// Creates a problem at this place.
    pub fn at(origin: Origin, message: impl Into<String>) -> Self {
        Self { origin: Some(origin), ..Self::everywhere(message) }
    }

    /// Creates a problem with a key below this place.
    pub fn below(origin: &Origin, key: &str, why: impl fmt::Display) -> Self {
        Self::at(origin.join(key), why.to_string())
    }

    /// Creates a problem at this place from an error, with its message, its cause and its code.
    pub fn from_error(origin: Origin, error: &regcred_core::Error) -> Self {
        Self::at(origin, error.chain()).with_code(error.code())
    }

    /// Creates a problem of the whole config.
    pub fn everywhere(message: impl Into<String>) -> Self {
        Self { origin: None, file: None, line: None, message: message.into(), code: &codes::VALUE }
    }

    /// Sets the code.
    #[must_use]
    pub fn with_code(self, code: &'static Code) -> Self {
        Self { code, ..self }
    }

    /// Creates a problem of a file that could not be read as a configuration.
    pub(crate) fn in_file(file: &str, line: Option<u64>, message: impl Into<String>) -> Self {
        Self { file: Some(file.into()), line, ..Self::everywhere(message) }
    }
}

/// Formats the problem like a compiler, so that editors can jump to it: `FILE:LINE: KEY: MESSAGE`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, file, line, message, code: _ } = self;
        match (origin, file, line) {
            (Some(origin), ..) => write!(f, "{origin}: {message}"),
            (None, Some(file), Some(line)) => write!(f, "{file}:{line}: {message}"),
            (None, Some(file), None) => write!(f, "{file}: {message}"),
            (None, None, _) => f.write_str(message),
        }
    }
}

/// All problems at once, in the order of the configuration. There is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Returns `Ok` if there are no problems. Sorts problems of the file by their lines.
    pub fn check(mut problems: Vec<Problem>) -> Result<(), Self> {
        problems.sort_by_key(|problem| problem.origin.as_ref().map(Origin::order));
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// Sets the file of the problems that have no place yet.
    #[must_use]
    pub fn in_file(self, file: &str) -> Self {
        let placed = |problem: Problem| match (&problem.origin, &problem.file) {
            (None, None) => Problem { file: Some(file.into()), ..problem },
            _ => problem,
        };
        Self(self.0.into_iter().map(placed).collect())
    }

    /// Returns each problem.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl From<Problems> for Vec<Problem> {
    fn from(Problems(problems): Problems) -> Self {
        problems
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.0.iter().enumerate() {
            let line_break = if place == 0 { "" } else { "\n" };
            write!(f, "{line_break}{problem}")?;
        }
        Ok(())
    }
}

impl Error for Problems {}

/// The error has the code of the first problem, and all problems as its message.
impl From<Problems> for regcred_core::Error {
    fn from(problems: Problems) -> Self {
        let code = problems.0.first().map_or(&codes::VALUE, |problem| problem.code);
        Self::new(code, problems.to_string())
    }
}
