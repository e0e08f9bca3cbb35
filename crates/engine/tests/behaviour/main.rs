//! How the engine behaves, on fakes with memory and a clock that only tests move.

mod changes;
mod contests;
mod fakes;
mod faults;
mod issuers;
mod keyring;
mod passes;
mod sharing;
mod sources;
mod time;
