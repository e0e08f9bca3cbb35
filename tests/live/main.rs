//! Needs the servers that `cargo xtask e2e` starts (`REGCRED_LIVE_*`), and fails without them.

mod full;
mod init;
mod killed;
mod many;
mod once;
mod online;
mod provider;
mod recipe;
mod registry;
mod sink;
mod world;
mod writers;
