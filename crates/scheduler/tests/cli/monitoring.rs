//! The metrics in alerts, dashboard and guide match the metrics that the daemon serves.

use std::{collections::BTreeSet, fs};

use crate::{
    daemon::{Daemon, is_linked},
    world::World,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
const GUIDE: &str = "docs/monitoring.md";
const CONFIG: &str = "targets: [{ namespace: app-a, region: eu-west-1, service_accounts: [{ name: default }] }]";

/// Returns the names of all possible series, derived from the metric types that the daemon reports.
async fn served() -> BTreeSet<String> {
    let world = World::new(&["app-a"]).await;
    let daemon = Daemon::start(&world, CONFIG);
    world.kube.until("it is served", is_linked("app-a")).await;
    // A metric without series is not in the output. The daemon counts a target shortly after it serves it.
    let mut metrics = String::new();
    while !metrics.contains("target_namespace=\"app-a\"") {
        tokio::task::yield_now().await;
        (_, metrics) = daemon.get("/metrics");
    }
    daemon.stop();
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let names = types.flat_map(|(name, kind)| {
        let ends: &[&str] = match kind {
            "counter" => &["_total"],
            "info" => &["_info"],
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        ends.iter().map(move |end| format!("{name}{end}"))
    });
    names.collect()
}

fn named(file: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(format!("{ROOT}{file}")).unwrap_or_else(|error| panic!("{file}: {error}"));
    let words = text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
    words.filter(|word| word.starts_with("regcred_")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_queried_metric_is_served_and_every_served_metric_is_documented() {
    let served = served().await;
    assert!(served.len() >= 10, "{served:?}");
    for file in ["deploy/monitoring/rules.yaml", "deploy/monitoring/dashboard.json"] {
        let named = named(file);
        assert!(named.len() >= 10, "{named:?}");
        // A text may name a histogram by its base name.
        let unknown =
            named.iter().filter(|name| !served.contains(*name) && !served.contains(&format!("{name}_bucket")));
        assert_eq!(unknown.collect::<Vec<_>>(), [] as [&String; 0], "{file} uses metrics that regcred does not serve");
    }
    let explained = named(GUIDE);
    let whole =
        |name: &str| name.trim_end_matches("_bucket").trim_end_matches("_sum").trim_end_matches("_count").to_owned();
    let silent = served.iter().filter(|name| !explained.contains(*name) && !explained.contains(&whole(name)));
    assert_eq!(silent.collect::<Vec<_>>(), [] as [&String; 0], "{GUIDE} does not explain it");
}
