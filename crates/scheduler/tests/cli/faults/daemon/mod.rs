//! The same faults while the daemon runs: it continues, and reports each fault only once.

mod accounts;
mod cluster;
mod life;
mod provider;

const SELECTED: &str = "
targets:
- { namespaces: ['app-*'], region: eu-west-1, service_accounts: [{ name: default }] }
";

/// Returns the names of namespaces that the config selects.
fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("app-{number:03}")).collect()
}
