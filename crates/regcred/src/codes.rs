//! All codes of regcred, and those of this crate.

use regcred_core::{Code, codes};
use regcred_plan::Types;

codes! {
    /// The codes of failures of a daemon.
    pub CODES;
    SINK_TIMEOUT = "RC0251", Unreachable, "A sink could not be created in time",
        cause "The sink did not connect within the time limit.",
        fix "Check the network between regcred and the sink. regcred retries.";
    SINK_PARTS = "RC0252", Bug, "A type of sink returned the wrong number of parts",
        cause "The type has a bug: it must return one source and one sink for each entry.",
        fix "Report it to the author of the type.";
    LEADERSHIP = "RC0253", Gone, "Leader election has stopped",
        cause "The Lease could not be renewed in time, so another replica may be the leader already.",
        fix "No action is needed: the pod restarts. Check the load of the API server if it happens often.";
    ENDED = "RC0254", Gone, "The daemon has ended",
        cause "The daemon ended before its first pass, because it was stopped or failed.",
        fix "Read the error that the daemon returned.";
}

/// Returns every code of regcred and of these types, sorted by identifier.
pub fn all(types: &Types) -> Vec<&'static Code> {
    let mut all = [
        codes::GENERAL,
        codes::SHARED,
        regcred_engine::codes::CODES,
        regcred_dockerconfig::codes::CODES,
        regcred_config::codes::CODES,
        regcred_plan::codes::CODES,
        CODES,
        #[cfg(any(feature = "exchange", feature = "verify"))]
        regcred_http::codes::CODES,
        &types.codes(),
    ]
    .concat();
    all.sort_by_key(|code| code.id());
    all.dedup(); // a type can have several names
    all
}
