//! Faults on the network, and how the binary reacts to each.
//!
//! `docs/faults.md` lists the tests of the whole workspace whose documentation begins with `Case N:`.

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
/// A short time limit, because the pass may fail.
const BRIEFLY: &[&str] = &["--output", "json", "--timeout", "1s"];
const FORCED: &[&str] = &["--output", "json", "--timeout", "1s", "--force"];

/// Returns many namespaces, and a config with a target in each of them, all in one region.
fn many(count: usize) -> (Vec<String>, String) {
    let namespaces = (0..count).map(|number| format!("team-{number}")).collect::<Vec<_>>();
    let entry = |namespace: &String| format!("- {{ namespace: {namespace}, region: eu-west-1 }}\n");
    let config = format!("targets:\n{}", namespaces.iter().map(entry).collect::<String>());
    (namespaces, config)
}
