//! The state of the proxy.

use std::net::SocketAddr;

use tokio::task::JoinSet;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) way: Route,
    pub(super) connects: Vec<String>,
    pub(super) requests: Vec<String>,
    pub(super) tunnels: JoinSet<()>,
}

/// How the proxy answers a request.
#[derive(Clone, Debug)]
pub(super) enum Route {
    To(SocketAddr),
    Answer { status: u16, body: String },
}

impl Default for Route {
    fn default() -> Self {
        Self::Answer { status: 502, body: "this proxy has no upstream".to_owned() }
    }
}
