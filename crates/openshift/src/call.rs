//! One call to the API server: its deadline, and no log of its answer.

use std::time::Duration;

use regcred_core::{ErrorKind, Result};
use tokio::time::timeout;
use tracing::{Dispatch, instrument::WithSubscriber};

use crate::error::{Doing, translate};

/// Of one call. An API server under load answers in a second, one that changes its leader in a few.
const DEADLINE: Duration = Duration::from_secs(10);
/// Number of objects in one answer of a list, at most.
pub(crate) const PAGE: u32 = 500;

/// Makes one call within the deadline, and translates its error.
pub(crate) async fn limited<T>(doing: &Doing<'_>, call: impl Future<Output = kube::Result<T>>) -> Result<T> {
    unheard(doing, call).await?.map_err(|error| translate(&error, doing))
}

/// Makes one call within the deadline. kube logs answers that it cannot read, and answers hold Secrets. So the call runs without a log
/// subscriber.
pub(crate) async fn unheard<T>(
    doing: &Doing<'_>,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<kube::Result<T>> {
    let late = |_| doing.failed(ErrorKind::Unreachable, "the API server did not answer within 10 s");
    timeout(DEADLINE, call.with_subscriber(Dispatch::none())).await.map_err(late)
}
