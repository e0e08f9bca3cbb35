//! The proxy: a port, the plan of its faults, and a count of who came.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{connection, kind::Fault, shared::Shared};
use crate::tls::Certificate;

/// A TCP proxy on loopback in front of one server, whose answers meet a [`Fault`] that can change at any time.
///
/// A request is what a client sends first or after an answer, as HTTP/1.1 without pipelining has it. It meets the fault
/// that holds when it begins, on a new connection and on one that was kept alive. Dropping the proxy closes its port and
/// every connection.
///
/// ```
/// # #[tokio::main]
/// # async fn main() {
/// use regcred_testkit::{FakeAws, FaultProxy, fault::Fault};
///
/// let aws = FakeAws::start().await;
/// let proxy = FaultProxy::start(aws.address()).await;
/// proxy.set(Fault::answer(503, "text/html", "<html>no healthy upstream</html>"));
/// proxy.set_for(2, Fault::Reset);
/// assert!(proxy.url().starts_with("http://127.0.0.1:"));
/// # }
/// ```
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    _accepting: JoinSet<()>,
}

impl FaultProxy {
    /// Starts it on a free port, in front of the server at `upstream`, with [`Fault::None`].
    pub async fn start(upstream: SocketAddr) -> Self {
        Self::listen(upstream, "http", None).await
    }

    /// Starts it with TLS towards its clients. The upstream is spoken to in plain text.
    pub async fn start_tls(upstream: SocketAddr, certificate: &Certificate) -> Self {
        Self::listen(upstream, "https", Some(certificate.acceptor())).await
    }

    async fn listen(upstream: SocketAddr, scheme: &'static str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::<Shared>::default();
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, upstream, tls, Arc::clone(&shared)));
        Self { address, scheme, shared, _accepting: accepting }
    }

    /// The address as a URL, without a trailing slash. A certificate must name 127.0.0.1 to fit it.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request from now on meets this, until the next call. Takes back [`FaultProxy::set_for`].
    pub fn set(&self, fault: Fault) {
        self.shared.plan().set(fault);
    }

    /// The next `count` requests meet this, then again what [`FaultProxy::set`] said.
    pub fn set_for(&self, count: usize, fault: Fault) {
        self.shared.plan().set_for(count, fault);
    }

    /// How many connections came, whatever became of them.
    pub fn connections(&self) -> usize {
        self.shared.connections()
    }

    /// How many requests began, without those that a fault of the connection kept away.
    pub fn requests(&self) -> usize {
        self.shared.requests()
    }
}

/// Takes connections until it is aborted, and takes them along then.
async fn accept(listener: TcpListener, upstream: SocketAddr, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        connections.spawn(async move { drop(connection::serve(client, upstream, tls, &shared).await) });
    }
}
