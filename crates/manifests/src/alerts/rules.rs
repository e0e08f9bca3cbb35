//! The alert rules of an installation, in groups.

use serde_json::{Value, json};

use super::{
    alert::{Alert, Series, Severity},
    daemon, providers, targets,
};
use crate::object::Site;

/// Returns the `PrometheusRule` of an installation.
pub(crate) fn object(site: &Site<'_>) -> Value {
    json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": site.own(""),
        "spec": { "groups": groups(&Series::new(site)) },
    })
}

fn groups(series: &Series) -> Vec<Value> {
    let groups = [
        ("regcred.targets", targets::alerts(series)),
        ("regcred.providers", providers::alerts(series)),
        ("regcred.daemon", daemon::alerts(series)),
    ];
    let groups = groups
        .iter()
        .map(|(name, alerts)| json!({ "name": name, "rules": alerts.iter().map(rule).collect::<Vec<_>>() }));
    groups.collect()
}

fn rule(alert: &Alert) -> Value {
    let severity = match alert.severity {
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    };
    json!({
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.holds,
        "labels": { "severity": severity },
        "annotations": { "summary": alert.summary, "description": alert.description },
    })
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    fn all() -> Vec<Alert> {
        let series = Series { labels: r#"namespace="a",job="b""#.into() };
        [targets::alerts(&series), providers::alerts(&series), daemon::alerts(&series)].concat()
    }

    #[test]
    fn every_alert_selects_only_series_of_this_installation() {
        let selector = Regex::new(r"\b(regcred_\w+|up)(\{[^}]*\})?").expect("valid");
        for alert in all() {
            let mut found = 0;
            for captures in selector.captures_iter(&alert.expr) {
                let labels = captures.get(2).map_or("", |it| it.as_str());
                assert!(labels.starts_with(r#"{namespace="a",job="b""#), "{}: {}", alert.name, &captures[0]);
                found += 1;
            }
            assert!(found > 0, "{}: {}", alert.name, alert.expr);
        }
    }

    #[test]
    fn an_alert_text_uses_only_labels_that_the_alert_has() {
        let named = Regex::new(r"\$labels\.(\w+)").expect("valid");
        let kept = Regex::new(r"by \(([^)]*)\)").expect("valid");
        for alert in all() {
            // An alert without an aggregation keeps the labels of the scraped pod.
            let kept = kept.captures(&alert.expr).map_or("namespace, job, pod".to_owned(), |it| it[1].to_owned());
            for captures in named.captures_iter(&format!("{} {}", alert.summary, alert.description)) {
                assert!(kept.split(", ").any(|it| it == &captures[1]), "{}: {} of {kept}", alert.name, &captures[1]);
            }
        }
    }

    #[test]
    fn two_alerts_of_one_name_differ_only_in_severity() {
        let all = all();
        for (place, alert) in all.iter().enumerate() {
            for other in all[..place].iter().filter(|it| it.name == alert.name) {
                assert_ne!(other.severity, alert.severity, "{}", alert.name);
                assert_eq!(other.description, alert.description);
            }
        }
    }
}
