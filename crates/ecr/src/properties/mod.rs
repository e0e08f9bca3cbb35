//! What holds for every token, host, principal and endpoint.

mod endpoint;
mod host;
mod principal;
mod profile;
mod token;

use proptest::test_runner::Config;

/// The default number of cases, and no file for those that failed: a case worth keeping becomes a test of its own.
fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}
