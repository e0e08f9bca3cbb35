//! Several libraries together, as a program that embeds them would use them: no network, no cluster.

mod debug;
mod identity;
mod manifests;
mod published;
mod schema;
mod silence;
mod sinks;
