//! How the engine behaves, on fakes with memory and a clock that only tests move.

mod fakes;
mod faults;
mod passes;
mod sources;
mod time;
