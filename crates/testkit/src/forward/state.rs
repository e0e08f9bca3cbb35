//! The state of the proxy.

use std::net::SocketAddr;

use tokio::task::JoinSet;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) way: Way,
    pub(super) connects: Vec<String>,
    pub(super) requests: Vec<String>,
    pub(super) tunnels: JoinSet<()>,
}

/// How the proxy answers a request.
#[derive(Clone, Debug)]
pub(super) enum Way {
    To(SocketAddr),
    Answer { status: u16, body: String },
}

impl Default for Way {
    fn default() -> Self {
        Self::Answer { status: 502, body: "this proxy was not told where to lead".to_owned() }
    }
}
