//! Properties of every Secret and every ServiceAccount that other programs may write too.

mod accounts;
mod adoption;
mod kubeconfigs;
mod links;
mod owners;
mod ownership;

use proptest::test_runner::Config;

/// Uses the default number of cases, and no file of failed cases. A case worth keeping becomes a test of its own.
fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}
