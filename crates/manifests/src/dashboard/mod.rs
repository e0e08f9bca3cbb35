//! A Grafana dashboard on one screen.
//!
//! It shows whether everything is fresh, what expires next, whether providers work, whether work is stuck, and which
//! replica leads.

mod panel;

use regcred_plan::Plan;
use serde_json::{Value, json};

use crate::{Install, Manifests, object::Site};

use self::panel::{Panel, laid_out};

/// Selects the installation that is chosen at the top. Standbys export no target metrics, so panels take the largest
/// value.
const HERE: &str = r#"namespace="$namespace",job="$job""#;
/// The label by which Grafana's sidecar finds a dashboard.
const TAKEN: &str = "grafana_dashboard";

/// Returns the dashboard as a `ConfigMap` in regcred's own namespace, where Grafana's sidecar finds it.
///
/// The dashboard shows every installation that Prometheus scrapes, so one is enough.
pub fn dashboard(plan: &Plan, install: &Install) -> Manifests {
    let site = Site::new(plan, install);
    let mut metadata = site.own("-dashboard");
    metadata["labels"][TAKEN] = "1".into();
    let data = json!({ "regcred.json": format!("{:#}\n", screen()) });
    let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data });
    Manifests { objects: vec![object], notes: vec![] }
}

/// Returns the dashboard in Grafana's import format.
fn screen() -> Value {
    let variable = |name: &str, label: &str, query: &str| {
        json!({
            "name": name, "label": label, "type": "query", "query": query, "refresh": 2, "sort": 1,
            "datasource": { "type": "prometheus", "uid": "${datasource}" },
        })
    };
    let panels = [numbers(), targets(), credentials(), work()].concat();
    json!({
        // The UID is the same everywhere, so importing a newer version replaces the older one.
        "uid": "regcred",
        "title": "regcred",
        "description": "Registry credentials in pull secrets. Made by `regcred manifests --mode dashboard`.",
        "tags": ["regcred"],
        "schemaVersion": 39,
        "editable": true,
        "refresh": "1m",
        // Twelve hours is the life of a typical credential, so every refresh is visible once.
        "time": { "from": "now-12h", "to": "now" },
        "templating": { "list": [
            { "name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus" },
            variable("namespace", "Namespace", "label_values(regcred_build_info, namespace)"),
            variable("job", "Installation", r#"label_values(regcred_build_info{namespace="$namespace"}, job)"#),
        ] },
        "panels": laid_out(&panels),
    })
}

/// Returns a row of numbers that show whether a person must act.
fn numbers() -> Vec<Panel> {
    let of =
        |state: &str| format!("sum(max by (sink, state) (regcred_targets{{{HERE},state=~\"{state}\"}})) or vector(0)");
    let within = format!("sum(max by (sink) (regcred_targets_past_floor{{{HERE}}})) or vector(0)");
    vec![
        Panel::number("Fresh", "none")
            .described("Pull secrets that are up to date, including those that wait for a ServiceAccount.")
            .asks(&of("fresh|waiting"), ""),
        Panel::number("Failed, refused, contested", "none")
            .described("Pull secrets that regcred cannot update. `regcred status` prints the reason for each.")
            .asks(&of("failed|refused|contested"), "")
            .coloured("green", &[(1.0, "red")]),
        Panel::number("Past their floor", "none")
            .described(
                "Pull secrets with less than two hours left, or 15 % of a shorter life. regcred should have refreshed them.",
            )
            .asks(&within, "")
            .coloured("green", &[(1.0, "red")]),
        Panel::number("Next expiry in", "s")
            .described("A refresh is due when nearly half of the life is left: 5.4 hours of twelve at the latest.")
            .asks(&format!("min(regcred_target_expiry_timestamp_seconds{{{HERE}}}) - time()"), "")
            .coloured("red", &[(2.0 * 3600.0, "orange"), (4.0 * 3600.0, "green")]),
        Panel::number("Leading replicas", "none")
            .described("One replica leads. Zero for a few seconds is a change of the leader.")
            .asks(&format!("sum(regcred_leader{{{HERE}}}) or vector(0)"), "")
            .coloured("red", &[(1.0, "green"), (2.0, "orange")]),
        Panel::number("Config valid", "bool_yes_no")
            .described("No: the changed config is not valid, and regcred keeps the previous one. The log has the reason.")
            .asks(&format!("min(regcred_config_reload_success{{{HERE}}})"), "")
            .coloured("red", &[(1.0, "green")]),
    ]
}

fn targets() -> Vec<Panel> {
    let states = format!("sum by (state) (max by (sink, state) (regcred_targets{{{HERE}}}))");
    let ends = "bottomk(20, min by (sink, target_namespace, secret)";
    let ends = format!("{ends} (regcred_target_expiry_timestamp_seconds{{{HERE}}})) - time()");
    vec![
        Panel::lines("Pull secrets by state", 12, "none").asks(&states, "{{state}}"),
        Panel::table("Next expiries", 12, "s")
            .described("Time until the pull secret expires.")
            .asks(&ends, "")
            .coloured("red", &[(2.0 * 3600.0, "orange"), (4.0 * 3600.0, "green")]),
    ]
}

fn credentials() -> Vec<Panel> {
    let ends = format!("max by (provider) (regcred_credential_expiry_timestamp_seconds{{{HERE}}}) - time()");
    let requests =
        format!("sum by (provider, outcome) (increase(regcred_provider_requests_total{{{HERE}}}[$__rate_interval]))");
    let leader = format!("max by (pod) (regcred_leader{{{HERE}}})");
    let skew = format!("max(regcred_clock_skew_seconds{{{HERE}}} and regcred_leader{{{HERE}}} == 1)");
    vec![
        Panel::lines("Time left of each credential", 8, "s")
            .described("Rises to the full life with each refresh. A refresh is due when half of the life is left.")
            .asks(&ends, "{{provider}}"),
        Panel::lines("Credential requests", 8, "none").asks(&requests, "{{provider}}: {{outcome}}"),
        Panel::lines("Leader, and its clock", 8, "none")
            .described("The leader has the value 1. Providers reject signatures that are 300 seconds off.")
            .asks(&leader, "{{pod}} leads")
            .asks(&skew, "seconds by which the provider is ahead"),
    ]
}

fn work() -> Vec<Panel> {
    let looks = format!("sum by (sink, outcome) (rate(regcred_sync_total{{{HERE}}}[$__rate_interval]))");
    let buckets = format!("sum by (sink, le) (rate(regcred_sync_duration_seconds_bucket{{{HERE}}}[$__rate_interval]))");
    let quantile = |part: &str| format!("histogram_quantile({part}, {buckets})");
    let stuck = |metric: &str| format!("max by (store) ({metric}{{{HERE}}})");
    vec![
        Panel::lines("Reconciles by outcome", 8, "cps")
            .described("Most reconciles change nothing. Each refresh is an update.")
            .asks(&looks, "{{sink}}: {{outcome}}"),
        Panel::lines("Duration of a reconcile", 8, "s")
            .asks(&quantile("0.5"), "{{sink}}: median")
            .asks(&quantile("0.99"), "{{sink}}: 99th percentile"),
        Panel::lines("Work queue", 8, "none")
            .described("Targets that wait or are being reconciled, and the age of the oldest one in seconds.")
            .asks(&stuck("regcred_queue_depth"), "{{store}}: targets")
            .asks(&stuck("regcred_pending_oldest_seconds"), "{{store}}: age of the oldest, in seconds"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashboard_panels_fill_the_screen_without_overlap() {
        let screen = screen();
        let mut taken = std::collections::BTreeSet::new();
        for panel in screen["panels"].as_array().expect("a list") {
            let at = |key: &str| panel["gridPos"][key].as_u64().expect("a number");
            for x in at("x")..at("x") + at("w") {
                assert!(x < u64::from(panel::WIDTH), "{}", panel["title"]);
                for y in at("y")..at("y") + at("h") {
                    assert!(taken.insert((x, y)), "{} covers another", panel["title"]);
                }
            }
        }
        assert_eq!(taken.len(), 24 * 25, "four rows without a gap");
    }

    #[test]
    fn every_dashboard_query_selects_the_chosen_installation() {
        let text = screen()["panels"].to_string();
        let metrics = regex::Regex::new(r"regcred_\w+[^\w]").expect("valid");
        let selected = regex::Regex::new(r#"regcred_\w+\{namespace=\\"\$namespace\\",job=\\"\$job\\""#).expect("valid");
        assert_eq!(metrics.find_iter(&text).count(), selected.find_iter(&text).count());
    }
}
