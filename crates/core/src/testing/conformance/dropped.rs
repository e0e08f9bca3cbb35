//! Drops futures at an await.

use std::{future::poll_fn, pin::pin, task::Poll};

/// Polls a future, and drops it once it is pending after more than `polls` polls. Returns its value if it completes
/// earlier.
pub async fn after_polls<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut left) = (pin!(future), polls);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}
