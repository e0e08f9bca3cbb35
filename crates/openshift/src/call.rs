//! One call to the API server, with a deadline and without tracing.

use std::time::Duration;

use regcred_core::Result;
use tokio::time::timeout;
use tracing::{Dispatch, instrument::WithSubscriber};

use crate::error::{RequestContext, translate};

use crate::codes;

/// The time limit of one call. An API server answers within a second under load, and within a few during a change of
/// its leader.
const DEADLINE: Duration = Duration::from_secs(10);
/// Maximum number of objects in one answer of a list.
pub(crate) const PAGE: u32 = 500;

/// Makes one call within the deadline, and translates its error.
pub(crate) async fn translated<T>(
    context: &RequestContext<'_>,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T> {
    with_timeout(context, call).await?.map_err(|error| translate(&error, context))
}

/// Makes one call within the deadline. The call runs without a tracing subscriber, because kube logs answers that it
/// cannot decode, and answers can contain Secrets.
pub(crate) async fn with_timeout<T>(
    context: &RequestContext<'_>,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<kube::Result<T>> {
    let late = |_| context.failed(&codes::UNREACHABLE, "the API server did not answer within 10 s");
    timeout(DEADLINE, call.with_subscriber(Dispatch::none())).await.map_err(late)
}
