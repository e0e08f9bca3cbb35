//! These tests need the servers that `cargo xtask e2e` starts (`REGCRED_LIVE_*`). They fail without them.

mod attack;
mod chart;
mod daemon;
mod distribution;
mod docker_hub;
mod files;
mod full;
mod helpers;
mod image;
mod init;
mod installed;
mod killed;
mod kubectl;
mod many;
mod monitoring;
mod once;
mod online;
mod provider;
mod readers;
mod recipe;
mod registry;
mod rights;
mod sink;
#[path = "../kubectl/mod.rs"]
mod table;
mod template;
mod verify;
mod world;
mod writers;
