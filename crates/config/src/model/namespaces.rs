//! The namespaces of a target.

use std::{collections::BTreeMap, fmt};

use glob::Pattern;
use regcred_core::Namespace;

use crate::Selector;

/// Namespaces of the platform. A config can name them, but no pattern matches them.
pub const PLATFORM: [&str; 3] = ["default", "openshift", "dedicated-admin"];
/// Name prefixes of other namespaces of the platform.
pub const PLATFORM_PREFIXES: [&str; 3] = ["kube-", "openshift-", "redhat-"];

/// The namespaces of an entry: named ones, and those that a selection chooses in a cluster. At least one of the two is
/// set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Namespaces {
    /// The named namespaces, in the order of the file, without duplicates.
    pub named: Vec<Namespace>,
    /// The selection. `None`: only the named ones.
    pub selection: Option<Selection>,
}

/// Selects namespaces by pattern and labels. It never selects namespaces of the platform.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selection {
    /// At least one.
    include: Vec<Pattern>,
    exclude: Vec<Pattern>,
    selector: Selector,
}

impl Selection {
    /// Creates a selection of the names that match a pattern of `include` and none of `exclude`. Returns `None` if
    /// `include` is empty.
    pub(crate) fn new(include: Vec<Pattern>, exclude: Vec<Pattern>, selector: Selector) -> Option<Self> {
        // Equal patterns in another order make an equal selection.
        let in_order = |mut patterns: Vec<Pattern>| {
            patterns.sort();
            patterns.dedup();
            patterns
        };
        let (include, exclude) = (in_order(include), in_order(exclude));
        (!include.is_empty()).then_some(Self { include, exclude, selector })
    }

    /// Returns whether a namespace with these labels is selected.
    pub fn takes(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        self.may_take(namespace) && self.selector.takes(labels)
    }

    /// Returns whether the name of a namespace matches, without its labels.
    pub fn may_take(&self, namespace: &str) -> bool {
        let is_in = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(namespace));
        !is_system(namespace) && is_in(&self.include) && !is_in(&self.exclude)
    }

    /// Returns its patterns, in the grammar of the `glob` crate: `*`, `?`, `[a-z]`, `[!a-z]`. At least one of them must
    /// match.
    pub fn include(&self) -> impl Iterator<Item = &str> {
        self.include.iter().map(Pattern::as_str)
    }

    /// Returns the patterns that must not match.
    pub fn exclude(&self) -> impl Iterator<Item = &str> {
        self.exclude.iter().map(Pattern::as_str)
    }

    /// Returns the label selector.
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// Returns whether the selection depends on labels.
    pub fn has_selector(&self) -> bool {
        !self.selector.is_empty()
    }

    /// Returns whether it requires a label that a person or a controller has to set.
    pub fn asks_for_a_label(&self) -> bool {
        self.selector.asks_for_a_label()
    }
}

/// Formats the selection in one line, such as `app-* with team=a, without app-legacy-*`.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |patterns: &[Pattern]| patterns.iter().map(Pattern::as_str).collect::<Vec<_>>().join(", ");
        f.write_str(&listed(&self.include))?;
        if !self.selector.is_empty() {
            write!(f, " with {}", self.selector)?;
        }
        if !self.exclude.is_empty() {
            write!(f, ", without {}", listed(&self.exclude))?;
        }
        Ok(())
    }
}

/// Returns whether the name is that of a platform namespace.
pub(crate) fn is_system(namespace: &str) -> bool {
    PLATFORM.contains(&namespace) || PLATFORM_PREFIXES.iter().any(|prefix| namespace.starts_with(prefix))
}
