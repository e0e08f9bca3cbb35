//! Calls into the SDK without a log subscriber.

use tracing::{
    Dispatch,
    instrument::{WithDispatch, WithSubscriber},
};

/// Runs a call of the SDK without a log subscriber.
///
/// The SDK logs whole answers at TRACE, and quotes files that it cannot parse in warnings. Both hold keys and tokens.
pub(crate) fn quietly<F: Future>(call: F) -> WithDispatch<F> {
    call.with_subscriber(Dispatch::none())
}
