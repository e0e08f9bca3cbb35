//! Alert rules for Prometheus.
//!
//! Only the leader exports target metrics, so every rule takes the largest value of all replicas. A standby exports
//! none, and a former leader exports older values.

mod alert;
mod daemon;
mod providers;
mod rules;
mod targets;

pub(crate) use rules::object;
