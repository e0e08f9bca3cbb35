//! One rule, and the series that it asks for.

use crate::object::Site;

/// How soon a person has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    Warning,
    /// Pods of tenants cannot pull soon, or no alert would show it.
    Critical,
}

/// One rule.
#[derive(Clone, Debug)]
pub(super) struct Alert {
    pub(super) name: &'static str,
    pub(super) severity: Severity,
    pub(super) expr: String,
    /// It has to be so for this long.
    pub(super) holds: &'static str,
    pub(super) summary: &'static str,
    /// Its meaning, and the steps to fix it.
    pub(super) description: &'static str,
}

/// The series of one installation. Prometheus adds these labels to the series of its Service, so no other installation matches.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) labels: String,
}

impl Series {
    pub(super) fn new(site: &Site<'_>) -> Self {
        Self { labels: format!(r#"namespace="{}",job="{}""#, site.namespace, site.name) }
    }

    pub(super) fn of(&self, metric: &str) -> String {
        format!("{metric}{{{}}}", self.labels)
    }

    /// Those that have another label too, such as `within="1h"`.
    pub(super) fn with(&self, metric: &str, label: &str) -> String {
        format!("{metric}{{{},{label}}}", self.labels)
    }
}
