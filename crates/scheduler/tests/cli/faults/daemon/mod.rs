//! The same faults while the daemon runs: it goes on, and nobody is told twice.

mod accounts;
mod cluster;
mod life;
mod provider;

const SELECTED: &str = "
targets:
- { namespaces: ['app-*'], region: eu-west-1, service_accounts: [{ name: default }] }
";

/// Names that are chosen.
fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("app-{number:03}")).collect()
}
