//! Connects to an API server as client-go does.
//!
//! [`files`] finds and merges the kubeconfigs that [`document`] reads. [`context`] selects the cluster and the user. [`settings`] checks all
//! values. [`service`] connects. Errors name the file, the entry and the field. They never quote a value that may be a secret.

mod certificates;
mod connection;
mod context;
mod credential;
mod document;
mod exec;
mod files;
mod header;
mod pod;
mod server;
mod service;
mod settings;

pub use self::{connection::Connection, server::check_server};

#[cfg(test)]
pub(crate) use self::files::parsed;
pub(crate) use self::{
    connection::unusable,
    files::load,
    pod::is_pod,
    server::is_loopback,
    service::{TRUST, connect},
    settings::Settings,
};
