//! The proxy: its port, its plan of faults, and its counters.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{connection, kind::Fault, shared::Shared};
use crate::tls::Certificate;

/// A TCP proxy on loopback in front of one server. It injects a [`Fault`] into answers, and a test can change the fault
/// at any time.
///
/// A request starts with the first bytes on a connection, or with the first bytes after an answer. Pipelining is not
/// supported. A request gets the fault that is set when it begins, on new and on kept-alive connections. Dropping the
/// proxy closes its port and all connections.
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
    /// Starts the proxy on a free port, in front of the server at `upstream`, with [`Fault::None`].
    pub async fn start(upstream: SocketAddr) -> Self {
        Self::listen(upstream, "http", None).await
    }

    /// Starts the proxy with TLS for its clients. It connects to the upstream in plain text.
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

    /// Returns the URL of the proxy, without a trailing slash. A certificate must name 127.0.0.1 to match it.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Returns the address of the proxy.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the fault of all requests from now on. It cancels [`FaultProxy::set_for`].
    pub fn set(&self, fault: Fault) {
        self.shared.plan().set(fault);
    }

    /// Sets the fault of the next `count` requests. After them, the fault from [`FaultProxy::set`] applies again.
    pub fn set_for(&self, count: usize, fault: Fault) {
        self.shared.plan().set_for(count, fault);
    }

    /// Returns the number of connections so far, including failed ones.
    pub fn connections(&self) -> usize {
        self.shared.connections()
    }

    /// Returns the number of requests so far. It excludes requests that a connection fault prevented.
    pub fn requests(&self) -> usize {
        self.shared.requests()
    }
}

/// Accepts connections until the task is aborted. Aborting it also ends the connections.
async fn accept(listener: TcpListener, upstream: SocketAddr, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        connections.spawn(async move { drop(connection::serve(client, upstream, tls, &shared).await) });
    }
}
