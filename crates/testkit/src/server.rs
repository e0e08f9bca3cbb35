//! One server on loopback that stops when it is dropped.

use std::net::{Ipv4Addr, SocketAddr};

use axum::{
    extract::Request,
    handler::HandlerWithoutStateExt,
    http::StatusCode,
    response::{IntoResponse, Response},
    serve::ListenerExt,
};
use tokio::{net::TcpListener, sync::watch};

/// A running server. Dropping it closes the port and idle connections, and aborts unfinished answers.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    _until_dropped: watch::Sender<()>,
}

impl Server {
    /// Starts a server that answers every request with `answer`, for any method and form of URL.
    pub(crate) async fn start<A, F>(answer: A) -> Self
    where
        A: Fn(Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (until_dropped, dropped) = watch::channel(());
        let mut closing = dropped.clone();
        let handler = move |request: Request| {
            let answering = answer(request);
            let mut dropped = dropped.clone();
            async move {
                tokio::select! {
                    response = answering => response,
                    _ = dropped.changed() => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                }
            }
        };
        // Small answers must not wait for the peer's delayed acknowledgement.
        let listener = listener.tap_io(|io| drop(io.set_nodelay(true)));
        let serving = axum::serve(listener, handler.into_make_service())
            .with_graceful_shutdown(async move { drop(closing.changed().await) });
        tokio::spawn(async move { serving.await });
        Self { address, _until_dropped: until_dropped }
    }

    /// Returns the address of the server.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of the server, without a trailing slash.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::client::send;

    #[tokio::test]
    async fn a_dropped_server_aborts_hanging_requests_and_closes_its_port() {
        let server = Server::start(|_| pending()).await;
        let url = server.url();
        let hanging = tokio::spawn({
            let url = url.clone();
            async move { send(&url, "GET", "/", &[], "").await.status }
        });
        // One turn of the event loop lets the request go out.
        tokio::task::yield_now().await;
        drop(server);
        assert!(matches!(hanging.await, Ok(503) | Err(_)));
        let address = url.strip_prefix("http://").expect("the URL is plain");
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
}
