//! What wants a person, as rules for Prometheus.
//!
//! Of several daemons the one that leads has the targets, so every rule takes the largest of what the replicas say: a standby
//! says nothing, and one that led before says what is older.

mod alert;
mod daemon;
mod providers;
mod rules;
mod targets;

pub(crate) use rules::object;
