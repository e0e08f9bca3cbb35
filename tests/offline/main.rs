//! Several libraries together, as a program that embeds them would use them: no network, no cluster.

mod debug;
mod identity;
mod keys;
mod kubectl;
mod manifests;
mod minting;
mod monitoring;
mod month;
mod published;
mod schema;
mod sessions;
mod silence;
#[path = "../simulated/mod.rs"]
mod simulated;
mod sinks;
#[path = "../kubectl/mod.rs"]
mod table;
mod tenants;
