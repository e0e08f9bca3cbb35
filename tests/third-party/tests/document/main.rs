//! A store of its own is a sink that keeps every rule, at 40 lines of code.

mod documents;
mod shelf;

use documents::Documents;
use regcred_core::testing::conformance;

#[tokio::test(start_paused = true)]
async fn it_keeps_every_rule_of_a_sink() {
    conformance::sink(&Documents::new()).await;
}

#[test]
fn it_takes_at_most_40_lines_of_code() {
    let code = include_str!("shelf.rs").lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with("//"));
    let lines = code.count();
    assert!((20..=40).contains(&lines), "{lines} lines");
}
