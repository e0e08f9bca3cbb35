//! Needs the servers that `cargo xtask e2e` starts (`REGCRED_LIVE_*`), and fails without them.

mod once;
mod provider;
mod registry;
mod sink;
mod world;
