//! Network faults: what networks, proxies and load balancers do to an answer.

mod connection;
mod kind;
mod passage;
mod plan;
mod proxy;
mod shared;
#[cfg(test)]
mod tests;
mod wire;

pub use kind::Fault;
pub use proxy::FaultProxy;
