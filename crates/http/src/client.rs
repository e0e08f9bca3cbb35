//! The client: one request, one answer, one deadline.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::Full;
use regcred_core::{Error, Proxies, Result};
use rustls::ClientConfig;
use serde_json::Value;
use tokio::time::timeout;
use tracing::{Dispatch, instrument::WithSubscriber, warn};

use crate::{
    answer::Answer,
    codes,
    connect::{self, Proxy},
    failure,
    header::headers,
    trust::{self, BUNDLE},
    url::Url,
};

/// The default time limit of one call. Token services answer in less than a second, and through a slow proxy in a few.
const DEADLINE: Duration = Duration::from_secs(10);
const AGENT: &str = concat!("regcred/", env!("CARGO_PKG_VERSION"));

/// Sends requests. A clone shares its settings.
#[derive(Clone)]
pub struct HttpClient {
    tls: Arc<ClientConfig>,
    proxies: Arc<Proxies>,
    deadline: Duration,
}

/// Builds an [`HttpClient`].
#[derive(Clone, Debug)]
pub struct HttpClientBuilder {
    proxies: Proxies,
    bundle: Option<PathBuf>,
    additional: Option<PathBuf>,
    deadline: Duration,
}

impl HttpClientBuilder {
    /// Reads `HTTPS_PROXY`, `NO_PROXY` and `SSL_CERT_FILE` with this function. Default: from the process.
    #[must_use]
    pub fn with_variables(self, variable: impl Fn(&str) -> Option<String>) -> Self {
        let bundle = variable(BUNDLE).filter(|path| !path.is_empty()).map(PathBuf::from);
        Self { proxies: Proxies::from_variables(variable), bundle, ..self }
    }

    /// Also trusts the authorities in this PEM file. Default: none.
    #[must_use]
    pub fn with_authorities(self, file: Option<&Path>) -> Self {
        Self { additional: file.map(Path::to_path_buf), ..self }
    }

    /// Sets the time limit of one call, from the connection to the last byte of the answer. Default: 10 seconds.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Creates the client. Reads the files of authorities.
    ///
    /// Returns [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) for a file without whole certificates. A proxy
    /// that cannot be used is an error of the first request that needs it.
    pub fn build(self) -> Result<HttpClient> {
        let Self { proxies, bundle, additional, deadline } = self;
        proxies.warn_once(|warning| warn!(reason = warning, "ignored proxy setting"));
        let tls = trust::tls(bundle.as_deref(), additional.as_deref())?;
        Ok(HttpClient { tls, proxies: Arc::new(proxies), deadline })
    }
}

impl HttpClient {
    /// Returns a builder with the environment of the process.
    pub fn builder() -> HttpClientBuilder {
        let builder =
            HttpClientBuilder { proxies: Proxies::default(), bundle: None, additional: None, deadline: DEADLINE };
        builder.with_variables(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Creates a client with the environment of the process. See [`HttpClientBuilder::build`].
    pub fn from_env() -> Result<Self> {
        Self::builder().build()
    }

    /// Sends a GET request. Values of headers may be secrets.
    ///
    /// Returns an answer with any status except a redirect. Fails with
    /// - [`ErrorKind::Unreachable`](regcred_core::ErrorKind::Unreachable) if there was no complete answer in time,
    /// - [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) for a certificate that is not trusted, a proxy that
    ///   cannot be used, and a header that cannot be sent,
    /// - [`ErrorKind::Malformed`](regcred_core::ErrorKind::Malformed) for an answer that redirects, is longer than
    ///   64 KiB, or is not HTTP.
    pub async fn get(&self, url: &Url, given: &[(&str, &str)]) -> Result<Answer> {
        self.send(url, Method::GET, headers(url, given)?, Bytes::new()).await
    }

    /// Sends a POST request with a form. Values of fields and headers may be secrets. Fails like [`HttpClient::get`].
    pub async fn post_form(&self, url: &Url, fields: &[(&str, &str)], given: &[(&str, &str)]) -> Result<Answer> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.post(url, "application/x-www-form-urlencoded", form.into(), given).await
    }

    /// Sends a POST request with JSON. Values and headers may be secrets. Fails like [`HttpClient::get`].
    pub async fn post_json(&self, url: &Url, value: &Value, given: &[(&str, &str)]) -> Result<Answer> {
        self.post(url, "application/json", value.to_string().into(), given).await
    }

    async fn post(&self, url: &Url, kind: &'static str, body: Bytes, given: &[(&str, &str)]) -> Result<Answer> {
        let mut headers = headers(url, given)?;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        self.send(url, Method::POST, headers, body).await
    }

    async fn send(&self, url: &Url, method: Method, mut headers: HeaderMap, body: Bytes) -> Result<Answer> {
        headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        let mut request = Request::new(Full::new(body));
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, url.uri().clone(), headers);
        let proxy = self.proxy_for(url)?;
        let call = async {
            let answer = connect::send(request, &self.tls, proxy).await;
            Answer::read(url, answer.map_err(|error| failure::unanswered(url, &error))?).await
        };
        // Libraries may log parts of requests and answers.
        let call = call.with_subscriber(Dispatch::none());
        timeout(self.deadline, call).await.unwrap_or_else(|_| failure::late(url, self.deadline))
    }

    fn proxy_for(&self, url: &Url) -> Result<Option<Proxy>> {
        if url.is_metadata() || url.is_loopback() {
            return Ok(None);
        }
        if url.scheme() != "https" {
            return Err(Error::new(&codes::URL, format!("cannot send a request to {}", url.host_and_port()))
                .with_cause("it is neither HTTPS nor on loopback"));
        }
        let proxy = self.proxies.proxy_for("https", &url.host(), url.port())?;
        proxy.map(|proxy| Proxy::new(&proxy, &self.tls)).transpose()
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { proxies, deadline, .. } = self;
        f.debug_struct("HttpClient").field("proxies", proxies).field("deadline", deadline).finish_non_exhaustive()
    }
}
