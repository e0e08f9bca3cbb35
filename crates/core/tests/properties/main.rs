//! What holds for every validity, every name and every set of credentials.

mod names;
mod set;
mod validity;

use proptest::test_runner::Config;

/// The default number of cases, and no file for those that failed: a case worth keeping becomes a test of its own.
fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}
