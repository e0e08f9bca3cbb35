//! Problems of a config, with their places.

use std::{error::Error, fmt};

use super::provenance::Origin;

/// One problem of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where; `None`: in the whole of it, or in a file that has no keys yet.
    pub origin: Option<Origin>,
    /// The file, if it could not be read as a configuration at all.
    pub file: Option<String>,
    /// The line in that file, counted from 1.
    pub line: Option<u64>,
    /// The value that was found, and the values that are allowed.
    pub message: String,
}

impl Problem {
    /// At this place.
    pub fn at(origin: Origin, message: impl Into<String>) -> Self {
        Self { origin: Some(origin), ..Self::everywhere(message) }
    }

    /// With a key below this place.
    pub fn below(origin: &Origin, key: &str, why: impl fmt::Display) -> Self {
        Self::at(origin.join(key), why.to_string())
    }

    /// Of the whole.
    pub fn everywhere(message: impl Into<String>) -> Self {
        Self { origin: None, file: None, line: None, message: message.into() }
    }

    /// In a file that is no configuration yet.
    pub(crate) fn in_file(file: &str, line: Option<u64>, message: impl Into<String>) -> Self {
        Self { file: Some(file.into()), line, ..Self::everywhere(message) }
    }
}

/// As compilers have it, so that editors can jump there: `FILE:LINE: KEY: MESSAGE`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, file, line, message } = self;
        match (origin, file, line) {
            (Some(origin), ..) => write!(f, "{origin}: {message}"),
            (None, Some(file), Some(line)) => write!(f, "{file}:{line}: {message}"),
            (None, Some(file), None) => write!(f, "{file}: {message}"),
            (None, None, _) => f.write_str(message),
        }
    }
}

/// Everything that is wrong, at once, in the order of the configuration. At least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// `Ok` if there is none. Those of the file are brought into its order.
    pub fn check(mut problems: Vec<Problem>) -> Result<(), Self> {
        problems.sort_by_key(|problem| problem.origin.as_ref().map(Origin::order));
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// Names the file of the problems that have no place yet.
    #[must_use]
    pub fn in_file(self, file: &str) -> Self {
        let placed = |problem: Problem| match (&problem.origin, &problem.file) {
            (None, None) => Problem { file: Some(file.into()), ..problem },
            _ => problem,
        };
        Self(self.0.into_iter().map(placed).collect())
    }

    /// One by one.
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
