//! Properties of every validity, every name and every set of credentials.

mod names;
mod set;
mod validity;

use proptest::test_runner::Config;

/// The default number of cases, without a file for failed cases. A case worth keeping becomes a separate test.
fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}
