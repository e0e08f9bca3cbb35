//! Properties of all tokens, hosts, principals and endpoints.

mod endpoint;
mod host;
mod principal;
mod profile;
mod token;

use proptest::test_runner::Config;

/// Uses the default number of cases, and no file of failed cases. A case worth keeping becomes a test of its own.
fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}
