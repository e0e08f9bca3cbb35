//! An alert rule, and the series that it queries.

use crate::object::Site;

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    Warning,
    /// Tenants' pods soon cannot pull images, or no other alert can show that.
    Critical,
}

/// An alert rule.
#[derive(Clone, Debug)]
pub(super) struct Alert {
    pub(super) name: &'static str,
    pub(super) severity: Severity,
    pub(super) expr: String,
    /// How long the condition must hold before the alert fires.
    pub(super) holds: &'static str,
    pub(super) summary: &'static str,
    /// The meaning of the alert, and how to fix the cause.
    pub(super) description: &'static str,
}

/// The series of one installation. Prometheus adds these labels to the series of a Service, so they match no other
/// installation.
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

    /// Returns the series that also have another label, such as `within="1h"`.
    pub(super) fn with(&self, metric: &str, label: &str) -> String {
        format!("{metric}{{{},{label}}}", self.labels)
    }
}
