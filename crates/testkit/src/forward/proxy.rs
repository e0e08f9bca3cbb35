//! The proxy, and where it leads.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{extract::Request, http::Method, response::Response};

use super::{
    page::page,
    state::{State, Way},
    tunnel,
};
use crate::{lock::lock, registry::forward::forward, server::Server};

/// An HTTP forward proxy that leads every host to one local address, or refuses.
///
/// A test sees in [`FaultProxy`](crate::FaultProxy) with TLS what a client says to a public name, and here which name it
/// was. Until it is told more, it answers 502. Dropping it closes its port and every tunnel.
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
    /// Starts it on a free port.
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

    /// Leads every `CONNECT` to this address from now on, whatever host it names. A plain request goes there too, as the
    /// proxy's own.
    pub fn tunnel_to(&self, address: SocketAddr) {
        lock(&self.state).way = Way::To(address);
    }

    /// Answers everything so from now on, as HTML. 407 comes with a `Proxy-Authenticate`. To a `CONNECT` a success opens
    /// the tunnel, as it must, and then the body comes out of it.
    pub fn answer_with(&self, status: u16, body: &str) {
        lock(&self.state).way = Way::Answer { status, body: body.to_owned() };
    }

    /// Every `CONNECT` so far, as `host:port`.
    pub fn connects(&self) -> Vec<String> {
        lock(&self.state).connects.clone()
    }

    /// Every plain request so far, as method and whole address: `GET http://host/path`.
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
        Way::To(address) if is_tunnel => tunnel::open(&state, &mut request, address).await,
        Way::To(address) => plain(address, request).await,
        Way::Answer { status, body } if is_tunnel && (200..300).contains(&status) => {
            tunnel::say(&state, &mut request, body)
        }
        Way::Answer { status, body } => page(status, body),
    }
}

async fn plain(address: SocketAddr, request: Request) -> Response {
    let Some(host) = request.uri().authority().map(ToString::to_string) else {
        return page(400, "a proxy needs the whole address of the request".to_owned());
    };
    forward(address, &host, request).await.unwrap_or_else(|error| page(502, error.to_string()))
}
