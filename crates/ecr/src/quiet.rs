//! Calls into the SDK without a log subscriber.

use tracing::{
    Dispatch,
    instrument::{WithDispatch, WithSubscriber},
};

/// Runs a call of the SDK without a log subscriber.
///
/// The SDK logs whole answers at TRACE, and its warnings quote files that it cannot parse. Both contain keys and
/// tokens.
pub(crate) fn quietly<F: Future>(call: F) -> WithDispatch<F> {
    call.with_subscriber(Dispatch::none())
}
