//! Namespaces that a user names on a command line.

use std::fmt;

use glob::Pattern;
use regcred_core::Namespace;

/// A namespace, or a pattern of names such as `team-*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceFilter(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Name(Namespace),
    Pattern(Pattern),
}

impl NamespaceFilter {
    /// Parses a name, or a pattern in the grammar of `namespaces` in a config. Errors quote the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if !text.contains(['*', '?', '[']) {
            return Namespace::new(text).map(|name| Self(Kind::Name(name))).map_err(|error| error.to_string());
        }
        let is_plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "-*?[]!".contains(it);
        match Pattern::new(text) {
            Ok(pattern) if text.chars().all(is_plain) => Ok(Self(Kind::Pattern(pattern))),
            _ => Err(format!("{text:?} is not a pattern of namespaces, such as 'team-*'")),
        }
    }

    /// Returns whether a namespace matches.
    pub fn takes(&self, namespace: &str) -> bool {
        match &self.0 {
            Kind::Name(name) => name.as_str() == namespace,
            Kind::Pattern(pattern) => pattern.matches(namespace),
        }
    }

    /// Returns the namespace. `None`: it is a pattern.
    pub fn name(&self) -> Option<&Namespace> {
        match &self.0 {
            Kind::Name(name) => Some(name),
            Kind::Pattern(_) => None,
        }
    }
}

impl From<Namespace> for NamespaceFilter {
    fn from(name: Namespace) -> Self {
        Self(Kind::Name(name))
    }
}

/// Formats the filter as it was written.
impl fmt::Display for NamespaceFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Name(name) => f.write_str(name.as_str()),
            Kind::Pattern(pattern) => f.write_str(pattern.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_matches_an_exact_name_or_a_pattern() {
        for (filter, takes, leaves) in [
            ("team-a", &["team-a"][..], &["team", "team-ab"][..]),
            ("team-*", &["team-a", "team-b-c"], &["team", "a-team-a"]),
            ("*", &["a", "kube-system"], &[]),
            ("app-?", &["app-1"], &["app", "app-12"]),
            ("app-[a-c]", &["app-b"], &["app-d"]),
            ("app-[!a]", &["app-b"], &["app-a"]),
            (" team-a ", &["team-a"], &["team-b"]),
        ] {
            let filter = NamespaceFilter::parse(filter).expect(filter);
            assert!(takes.iter().all(|it| filter.takes(it)) && !leaves.iter().any(|it| filter.takes(it)), "{filter}");
        }
    }

    #[test]
    fn an_invalid_namespace_filter_is_refused() {
        for bad in ["", "Team", "team_a", "a.b", "team-[", "Team-*", "a b*", "täm-*", "-a", "a/b"] {
            NamespaceFilter::parse(bad).expect_err(bad);
        }
    }
}
