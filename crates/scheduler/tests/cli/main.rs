//! The binary as a user runs it, against stand-ins on loopback.

mod canary;
mod check;
mod next;
mod once;
mod scale;
mod world;
