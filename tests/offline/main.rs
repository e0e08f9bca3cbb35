//! Tests of several libraries together, as an embedding program would use them. They need no network and no cluster.

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
#[path = "../simulated/mod.rs"]
mod simulated;
mod sinks;
#[path = "../kubectl/mod.rs"]
mod table;
mod tenants;
mod token_logs;
