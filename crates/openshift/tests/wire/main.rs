//! Wire tests of the sink: the real client against an API server in memory.

mod accounts;
mod adopt;
mod checks;
mod conformance;
mod copied;
#[cfg(feature = "plan")]
mod copied_type;
mod harness;
mod keeping;
mod merge;
mod named;
mod refusals;
mod source;
mod watched;
