//! The time limit of the checks.

use std::time::Duration;

use regcred_plan::{Finding, Verdict};
use tokio::time::timeout;

/// The fix for a check that did not end in time.
pub(super) const MORE: &str = "allow more time, such as `--timeout 2m`, or check fewer namespaces with `--namespace`";

/// Runs a check with a time limit. Returns `Some` if it does not end in time. Its findings until then are kept.
pub(super) async fn within(limit: Duration, asking: impl Future<Output = ()>) -> Option<()> {
    timeout(limit, asking).await.is_err().then_some(())
}

/// Returns a finding about a check that did not end in time.
pub(super) fn late(whom: &str, message: &str) -> Finding {
    Finding::new("time", Verdict::Unreachable, whom, message).with_fix(MORE)
}
