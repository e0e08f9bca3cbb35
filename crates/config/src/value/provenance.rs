//! The origin of a key: its layer, and its place in that layer.

use std::{collections::BTreeSet, fmt, ops::Range, sync::Arc};

use super::variable::variable;
use crate::yaml::lines::Lines;

/// The layers of a configuration, as far as problems refer to them.
#[derive(Debug, Default)]
pub(crate) struct Provenance {
    pub(crate) files: Vec<Source>,
    /// The keys that the environment sets.
    pub(crate) environment: BTreeSet<String>,
    /// The keys that the command line sets.
    pub(crate) overrides: BTreeSet<String>,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    /// `None` for a text without a file.
    pub(crate) lines: Option<Lines>,
    /// The entries of `targets:` that come from this file, in the list of all files.
    pub(crate) targets: Range<usize>,
}

/// The place of a key in the config. `Display` has the form of compiler messages: `FILE:LINE: KEY`.
#[derive(Clone)]
pub struct Origin {
    /// The key, such as `targets[2]`. Entries of several files are numbered consecutively.
    pub key: String,
    provenance: Arc<Provenance>,
}

/// A key in the numbering of its own layer.
struct Location<'a> {
    /// The index of the file, starting at 0. `None`: no file.
    file: Option<usize>,
    source: String,
    key: String,
    lines: Option<&'a Lines>,
}

impl Origin {
    pub(crate) fn root(provenance: Arc<Provenance>) -> Self {
        Self { key: String::new(), provenance }
    }

    /// Returns a key below this one.
    #[must_use]
    pub fn join(&self, key: &str) -> Self {
        let dot = if key.starts_with('[') || self.key.is_empty() { "" } else { "." };
        Self { key: format!("{}{dot}{key}", self.key), ..self.clone() }
    }

    /// Returns the file, or the other source of the value.
    pub fn source(&self) -> String {
        self.locate().source
    }

    /// Returns the line in the file, starting at 1, or `None` if the key is not from a file.
    pub fn line(&self) -> Option<u64> {
        let place = self.locate();
        place.lines?.line(&place.key)
    }

    /// Returns the sort key: files and lines in order. Keys from other sources come first.
    pub(crate) fn order(&self) -> (Option<usize>, Option<u64>) {
        (self.locate().file, self.line())
    }

    /// Returns the key for messages about other keys. It includes the file if there are several.
    pub fn name(&self) -> String {
        let place = self.locate();
        if self.provenance.files.len() > 1 { format!("{}: {}", place.source, place.key) } else { place.key }
    }

    /// Returns the key in the numbering of its own layer.
    pub fn path(&self) -> String {
        self.locate().key
    }

    fn locate(&self) -> Location<'_> {
        self.provenance.locate(&self.key)
    }
}

impl Provenance {
    /// Returns the strongest layer that has the key or a key above it.
    fn locate(&self, key: &str) -> Location<'_> {
        let elsewhere = |source: String| Location { file: None, source, key: key.into(), lines: None };
        if self.overrides.iter().any(|it| is_at_or_below(key, it)) {
            return elsewhere("command line".into());
        }
        let environment = |set: &String| elsewhere(format!("environment {}", variable(set)));
        if let Some(set) = self.environment.iter().find(|it| is_at_or_below(key, it)) {
            return environment(set);
        }
        // If only the environment sets the map of a key, then the key is missing in the environment.
        let parent = key.rfind('.').map(|dot| &key[..dot]);
        let parent = parent.filter(|parent| !self.files.iter().any(|file| file.has(parent)));
        let beside = parent.and_then(|parent| self.environment.iter().find(|it| is_at_or_below(it, parent)));
        if let Some(set) = beside {
            return environment(set);
        }
        let files = self.files.iter().enumerate();
        let found = files.filter_map(|(number, file)| {
            let key = file.own_key(key)?;
            let depth = file.lines.as_ref().map_or(0, |lines| lines.depth(&key));
            Some((depth, number, key, file))
        });
        if let Some((depth, number, own, file)) = found.max_by_key(|(depth, number, ..)| (*depth, *number))
            && (depth > 0 || !self.environment.iter().any(|it| is_at_or_below(it, key)))
        {
            return Location { file: Some(number), source: file.name.clone(), key: own, lines: file.lines.as_ref() };
        }
        // No file has the key. It exists only because the environment sets something below it.
        let below = self.environment.iter().find(|it| is_at_or_below(it, key));
        below.map_or_else(|| elsewhere("config".into()), environment)
    }
}

impl Source {
    /// Returns whether the file has exactly this key.
    fn has(&self, key: &str) -> bool {
        match (&self.lines, self.own_key(key)) {
            (Some(lines), Some(own)) => lines.depth(&own) == own.len(),
            _ => false,
        }
    }

    /// Returns the key in this file's numbering. `None`: it is another file's key.
    fn own_key(&self, key: &str) -> Option<String> {
        let Some((number, rest)) = key.strip_prefix("targets[").and_then(|rest| rest.split_once(']')) else {
            return Some(key.into());
        };
        let number = number.parse::<usize>().ok().filter(|number| self.targets.contains(number))?;
        Some(format!("targets[{}]{rest}", number - self.targets.start))
    }
}

/// Returns whether a key is this one, or below it.
fn is_at_or_below(key: &str, above: &str) -> bool {
    key.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.locate();
        match self.line() {
            Some(line) => write!(f, "{}:{line}: {}", place.source, place.key),
            None => write!(f, "{}: {}", place.source, place.key),
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.key, f)
    }
}

/// Compares origins of one configuration, where the key is enough.
impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Origin {}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(key: &str) -> String {
        let file = |name: &str, text: &str, targets: Range<usize>| Source {
            name: name.into(),
            lines: Some(Lines::of(text)),
            targets,
        };
        let provenance = Provenance {
            files: vec![
                file("a.yaml", "schedule: x\nproviders:\n  pull:\n    type: ecr\ntargets:\n- { namespace: a }\n", 0..1),
                file("b.yaml", "providers:\n  pull:\n    region: x\ntargets:\n- namespace: b\n  regoin: y\n", 1..2),
            ],
            environment: ["providers.pull.region".into(), "defaults.secret.name".into()].into(),
            overrides: ["instance".into()].into(),
        };
        Origin { key: key.into(), provenance: Arc::new(provenance) }.to_string()
    }

    #[test]
    fn each_key_is_located_in_the_file_or_variable_that_sets_it() {
        let cases = [
            ("schedule", "a.yaml:1: schedule"),
            ("providers.pull.type", "a.yaml:4: providers.pull.type"),
            ("providers.pull.accounts", "b.yaml:2: providers.pull.accounts"), // missing: the last file that has the map
            ("providers.pull.region", "environment REGCRED__PROVIDERS__PULL__REGION: providers.pull.region"),
            ("targets[0].region", "a.yaml:6: targets[0].region"),
            ("targets[1].regoin", "b.yaml:6: targets[0].regoin"),
            ("instance", "command line: instance"),
            ("defaults", "environment REGCRED__DEFAULTS__SECRET__NAME: defaults"),
            ("defaults.secret.credentials", "environment REGCRED__DEFAULTS__SECRET__NAME: defaults.secret.credentials"),
        ];
        for (key, expected) in cases {
            assert_eq!(origin(key), expected);
        }
    }
}
