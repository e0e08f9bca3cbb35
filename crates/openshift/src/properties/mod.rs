//! What holds for every Secret that others may have touched, and for every ServiceAccount that others write too.

mod accounts;
mod adoption;
mod kubeconfigs;
mod links;
mod owners;
mod standing;

use proptest::test_runner::Config;

/// The default number of cases, and no file for those that failed: a case worth keeping becomes a test of its own.
fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}
