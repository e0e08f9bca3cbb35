//! The proxy, and its destination.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{extract::Request, http::Method, response::Response};

use super::{
    page::page,
    state::{Route, State},
    tunnel,
};
use crate::{lock::lock, registry::forward::forward, server::Server};

/// An HTTP forward proxy that sends all hosts to one local address, or refuses.
///
/// This proxy shows which public name the client connected to. A [`FaultProxy`](crate::FaultProxy) with TLS behind it
/// shows what the client sent. The proxy answers 502 until it is configured. Dropping it closes its port and all
/// tunnels.
///
/// ```
/// # #[tokio::main]
/// # async fn main() {
/// use regcred_testkit::{FakeAws, FaultProxy, ForwardProxy, tls::Authority};
///
/// let aws = FakeAws::start().await;
/// let authority = Authority::new();
/// let certificate = authority.issue(&["api.ecr-fips.us-east-1.amazonaws.com"]);
/// let public = FaultProxy::start_tls(aws.address(), &certificate).await;
/// let proxy = ForwardProxy::start().await;
/// proxy.tunnel_to(public.address());
/// // The client under test goes through `proxy.url()` and trusts `authority.pem()`.
/// assert!(proxy.connects().is_empty());
/// # }
/// ```
#[derive(Debug)]
pub struct ForwardProxy {
    server: Server,
    state: Arc<Mutex<State>>,
}

impl ForwardProxy {
    /// Starts the proxy on a free port.
    pub async fn start() -> Self {
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| answer(Arc::clone(&shared), request)).await;
        Self { server, state }
    }

    /// Returns the value for `HTTPS_PROXY`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Sends every `CONNECT` to this address from now on, regardless of its host. A plain request is forwarded to the
    /// same address.
    pub fn tunnel_to(&self, address: SocketAddr) {
        lock(&self.state).way = Route::To(address);
    }

    /// Answers every request with this HTML page from now on. Status 407 includes a `Proxy-Authenticate` header. A
    /// success status opens the tunnel for a `CONNECT`, and the body is sent through the tunnel.
    pub fn answer_with(&self, status: u16, body: &str) {
        lock(&self.state).way = Route::Answer { status, body: body.to_owned() };
    }

    /// Returns every `CONNECT` so far, as `host:port`.
    pub fn connects(&self) -> Vec<String> {
        lock(&self.state).connects.clone()
    }

    /// Returns every plain request so far, as method and absolute URL: `GET http://host/path`.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state).requests.clone()
    }
}

impl Drop for ForwardProxy {
    fn drop(&mut self) {
        lock(&self.state).tunnels.abort_all();
    }
}

async fn answer(state: Arc<Mutex<State>>, mut request: Request) -> Response {
    let is_tunnel = request.method() == Method::CONNECT;
    let way = {
        let mut state = lock(&state);
        if is_tunnel {
            state.connects.push(request.uri().to_string());
        } else {
            state.requests.push(format!("{} {}", request.method(), request.uri()));
        }
        state.way.clone()
    };
    match way {
        Route::To(address) if is_tunnel => tunnel::open(&state, &mut request, address).await,
        Route::To(address) => plain(address, request).await,
        Route::Answer { status, body } if is_tunnel && (200..300).contains(&status) => {
            tunnel::say(&state, &mut request, body)
        }
        Route::Answer { status, body } => page(status, body),
    }
}

async fn plain(address: SocketAddr, request: Request) -> Response {
    let Some(host) = request.uri().authority().map(ToString::to_string) else {
        return page(400, "a proxy needs the whole address of the request".to_owned());
    };
    forward(address, &host, request).await.unwrap_or_else(|error| page(502, error.to_string()))
}
