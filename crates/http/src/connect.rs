//! Connections: direct, or through the tunnel of a proxy.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    rt::{Read, Write},
};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{
        Client, Error,
        connect::{Connection, HttpConnector, proxy::Tunnel},
    },
    rt::TokioExecutor,
};
use regcred_core::{Error as CoreError, ExposeSecret, ProxyUrl, Result as CoreResult, codes::PROXY};
use rustls::ClientConfig;
use tower::{BoxError, Service};

use crate::header::{basic, sensitive};

/// The time limit of a connection. It allows for the retransmission of a lost packet, and is shorter than the deadline
/// of a call.
const CONNECT: Duration = Duration::from_secs(4);
/// The buffer of an answer in bytes. A head that does not fit is an error. Real heads have less than 4 kB.
const BUFFER: usize = 64 * 1024;

/// A proxy that can be used.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    tunnel: Tunnel<HttpConnector>,
    encrypted: Option<Tunnel<HttpsConnector<HttpConnector>>>,
}

impl Proxy {
    /// Prepares a tunnel. The authorities of the client also verify a proxy with TLS.
    pub(crate) fn new(proxy: &ProxyUrl, tls: &Arc<ClientConfig>) -> CoreResult<Self> {
        let invalid = || CoreError::new(&PROXY, format!("cannot use the proxy {}", proxy.as_str()));
        let url = proxy.as_str().parse::<Uri>().map_err(|_| invalid())?;
        let login = match proxy.user() {
            Some((user, password)) => Some(sensitive(&basic(user, password.expose_secret())).ok_or_else(invalid)?),
            None => None,
        };
        let is_encrypted = url.scheme_str() == Some("https");
        let encrypted = is_encrypted.then(|| {
            let tunnel = Tunnel::new(url.clone(), HttpsConnector::from((direct(), Arc::clone(tls))));
            login.iter().cloned().fold(tunnel, Tunnel::with_auth)
        });
        let tunnel = login.into_iter().fold(Tunnel::new(url, direct()), Tunnel::with_auth);
        Ok(Self { tunnel, encrypted })
    }
}

/// Sends a request on a new connection. A tunnel of the proxy carries it if there is one.
pub(crate) async fn send(
    request: Request<Full<Bytes>>,
    tls: &Arc<ClientConfig>,
    proxy: Option<Proxy>,
) -> Result<Response<Incoming>, Error> {
    match proxy {
        None => over(direct(), tls, request).await,
        Some(Proxy { encrypted: Some(tunnel), .. }) => over(tunnel, tls, request).await,
        Some(Proxy { tunnel, .. }) => over(tunnel, tls, request).await,
    }
}

fn direct() -> HttpConnector {
    let mut direct = HttpConnector::new();
    direct.enforce_http(false);
    direct.set_nodelay(true);
    direct.set_connect_timeout(Some(CONNECT));
    direct
}

async fn over<C>(
    connector: C,
    tls: &Arc<ClientConfig>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, Error>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    // Requests are minutes apart, so a pool would only keep connections that the server has closed.
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_max_idle_per_host(0).retry_canceled_requests(false).http1_max_buf_size(BUFFER);
    builder.build(HttpsConnector::from((connector, Arc::clone(tls)))).request(request).await
}
