//! The daemon: it keeps every target fresh until it is stopped.

#[cfg(feature = "openshift")]
pub(crate) mod events;
pub(crate) mod first_pass;
pub(crate) mod handle;
pub(crate) mod health;
mod labels;
pub(crate) mod leader;
pub(crate) mod metrics;
pub(crate) mod reload;
mod run;
mod scraped;
pub(crate) mod states;

pub(crate) use self::run::Daemon;
