//! Wire tests of the sink: the real client against an API server in memory.

mod accounts;
mod adopt;
mod conformance;
mod harness;
mod keeping;
mod merge;
mod named;
mod questions;
mod refusals;
mod source;
mod watched;
