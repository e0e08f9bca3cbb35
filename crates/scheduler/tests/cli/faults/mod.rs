//! Faults at the wire, and what the binary makes of each.
//!
//! Tests whose documentation begins with `Case N:` are listed in `docs/faults.md`, wherever in the workspace they are.

mod accounts;
mod answers;
mod cluster;
mod config;
mod daemon;
mod identity;
mod network;
mod ownership;
mod provider;

const ONE: &str = "targets: [{ namespace: team-a, region: eu-west-1 }]";
const TWO: &str = "targets:\n- { namespace: team-a, region: eu-west-1 }\n- { namespace: team-b, region: eu-west-1 }\n";
/// What fails is not waited for.
const BRIEFLY: &[&str] = &["--output", "json", "--timeout", "1s"];
const FORCED: &[&str] = &["--output", "json", "--timeout", "1s", "--force"];

/// Many targets in one region.
fn many(count: usize) -> (Vec<String>, String) {
    let namespaces = (0..count).map(|number| format!("team-{number}")).collect::<Vec<_>>();
    let entry = |namespace: &String| format!("- {{ namespace: {namespace}, region: eu-west-1 }}\n");
    let config = format!("targets:\n{}", namespaces.iter().map(entry).collect::<String>());
    (namespaces, config)
}
