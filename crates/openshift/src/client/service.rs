//! The client: pooled connections, with the current credential in each request.

use std::{
    env,
    path::Path,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header::AUTHORIZATION};
use http_body_util::{Either, Full};
use hyper::{
    body::Incoming,
    rt::{Read, Write},
};
use hyper_util::{
    client::legacy::{
        Client as Pool,
        connect::{Connection, HttpConnector, proxy::Tunnel},
    },
    rt::TokioExecutor,
};
use kube::{
    Client, Config,
    client::{Body, ConfigExt, RustlsTlsError},
};
use regcred_core::{Clock, Error, ErrorKind, ExposeSecret, ProxyUrl, Result};
use tokio::{sync::Mutex, time::Instant};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn, util::BoxCloneSyncService};

use super::{
    credential::Credential,
    exec::Issued,
    header,
    settings::{Settings, identify},
};
use crate::{client::connection::unusable, codes, retry_after};

/// The variable with the authorities to trust if a kubeconfig names none.
pub(crate) const TRUST: &str = "SSL_CERT_FILE";
/// The time limit of a connection. It allows for the retransmission of a lost packet, and is shorter than the deadline
/// of a call.
const CONNECT: Duration = Duration::from_secs(4);
/// A token file is read again after this time, as in client-go. The kubelet renews a token long before it expires.
const REREAD: Duration = Duration::from_secs(50);
/// A plug-in runs again this long before its credential expires, because a request takes time.
const EARLY: Duration = Duration::from_secs(10);
/// A plug-in runs again this long after a credential that the server rejected.
const PAUSE: Duration = Duration::from_mins(1);

type Answer = Response<Either<Incoming, Full<Bytes>>>;
type Sender = BoxCloneSyncService<Request<Body>, Answer, BoxError>;

/// Creates a client. Runs the exec plug-in if there is one. The clock decides when a credential of the plug-in expires.
pub(crate) async fn connect(settings: Settings, clock: Arc<dyn Clock>) -> Result<Client> {
    let namespace = settings.config.default_namespace.clone();
    let session = Arc::new(Session::new(settings, clock).await?);
    Ok(Client::new(service_fn(move |request| Arc::clone(&session).send(request)), namespace))
}

struct Session {
    settings: Settings,
    clock: Arc<dyn Clock>,
    current: RwLock<Current>,
    /// Held while a plug-in runs, so that only one runs at a time.
    renewing: Mutex<()>,
}

/// The credential and the connections of a request.
#[derive(Clone)]
struct Current {
    header: Option<HeaderValue>,
    expires: Option<SystemTime>,
    sender: Sender,
    taken: Instant,
    /// Whether the server answered it with 401.
    is_rejected: bool,
}

impl Current {
    /// Takes the credential of a plug-in. A certificate needs new connections.
    fn take(&mut self, issued: Issued, settings: &Settings) -> Result<()> {
        let Issued { header, identity, expires } = issued;
        if identity.is_some() {
            let mut config = settings.config.clone();
            identify(&mut config, identity.as_ref());
            self.sender = sender(&config, settings.proxy.as_ref())?;
        }
        (self.header, self.expires) = (header, expires);
        (self.taken, self.is_rejected) = (Instant::now(), false);
        Ok(())
    }
}

impl Session {
    async fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self> {
        let failed = |reason| unusable("the kubeconfig", reason);
        let (header, issued) = match &settings.credential {
            Credential::None => (None, None),
            Credential::Fixed(header) => (Some(header.clone()), None),
            Credential::File(file) => (file.read().map_err(failed)?, None),
            Credential::Plugin(plugin) => (None, Some(plugin.run().await?)),
        };
        let sender = sender(&settings.config, settings.proxy.as_ref())?;
        let mut current = Current { header, expires: None, sender, taken: Instant::now(), is_rejected: false };
        if let Some(issued) = issued {
            current.take(issued, &settings)?;
        }
        Ok(Self { settings, clock, current: RwLock::new(current), renewing: Mutex::new(()) })
    }

    async fn send(self: Arc<Self>, mut request: Request<Body>) -> Result<Answer, BoxError> {
        self.renew().await?;
        let Current { header, sender, taken, .. } = self.current().clone();
        if let Some(header) = header {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        let answer = sender.oneshot(request).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.reject(taken);
        }
        Ok(answer)
    }

    /// Marks the credential of that time as rejected.
    fn reject(&self, taken: Instant) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.is_rejected |= current.taken == taken;
    }

    fn current(&self) -> RwLockReadGuard<'_, Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews the credential if it is due.
    async fn renew(self: &Arc<Self>) -> Result<()> {
        match &self.settings.credential {
            Credential::File(file) if self.is_due() => {
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                // The last token is used while the file is not readable, because some programs remove the file before
                // they write it.
                current.header = file.read().ok().flatten().or(current.header.take());
                (current.taken, current.is_rejected) = (Instant::now(), false);
                Ok(())
            }
            Credential::Plugin(_) if self.is_due() => {
                // A cancelled request must not end the plug-in, because other requests wait for it.
                let session = Arc::clone(self);
                let renewing = tokio::spawn(async move { session.run_plugin().await });
                renewing.await.unwrap_or_else(|_| {
                    Err(Error::new(ErrorKind::Bug, "cannot run the exec plug-in").with_cause("the call panicked"))
                })
            }
            _ => Ok(()),
        }
    }

    fn is_due(&self) -> bool {
        let Current { expires, taken, is_rejected, .. } = &*self.current();
        match &self.settings.credential {
            Credential::File(_) => *is_rejected || taken.elapsed() >= REREAD,
            Credential::Plugin(_) => {
                let is_rejected = *is_rejected && taken.elapsed() >= PAUSE;
                is_rejected || expires.is_some_and(|it| it <= self.clock.now() + EARLY)
            }
            Credential::None | Credential::Fixed(_) => false,
        }
    }

    async fn run_plugin(&self) -> Result<()> {
        let _one = self.renewing.lock().await;
        let Credential::Plugin(plugin) = &self.settings.credential else { return Ok(()) };
        if !self.is_due() {
            return Ok(());
        }
        match plugin.run().await {
            Ok(issued) => {
                let mut current = self.current().clone();
                current.take(issued, &self.settings)?;
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
                Ok(())
            }
            Err(_) if self.current().expires.is_some_and(|it| it > self.clock.now()) => Ok(()),
            // The plug-in has worked before, so this error is retryable.
            Err(error) => Err(Error::new(&codes::UNREACHABLE, error.to_string())
                .with_cause(std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default())),
        }
    }
}

/// Creates kube's layers over connections without Nagle's algorithm. kube leaves it on, and each new TLS connection
/// then waits 40 ms for an acknowledgement.
fn sender(config: &Config, proxy: Option<&ProxyUrl>) -> Result<Sender> {
    // It fails if the program has already installed a provider, which is fine.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut direct = HttpConnector::new();
    direct.enforce_http(false);
    direct.set_nodelay(true);
    direct.set_connect_timeout(Some(CONNECT));
    let Some(proxy) = proxy else { return over(config, direct) };
    let invalid = || unusable("the proxy", format!("{} is not a URL", proxy.as_str()));
    let url = proxy.as_str().parse::<Uri>().map_err(|_| invalid())?;
    let authorization = match proxy.user() {
        Some((user, password)) => Some(header::basic(user, password.expose_secret()).ok_or_else(invalid)?),
        None => None,
    };
    if url.scheme_str() == Some("https") {
        // As in Go, the authorities of the cluster verify the proxy.
        let mut trust = config.clone();
        (trust.tls_server_name, trust.cluster_url) = (None, url.clone());
        identify(&mut trust, None);
        let encrypted = trust.rustls_https_connector_with_connector(direct).map_err(|error| unconnectable(&error))?;
        return over(config, tunnel(url, encrypted, authorization));
    }
    over(config, tunnel(url, direct, authorization))
}

fn tunnel<C>(proxy: Uri, connector: C, authorization: Option<HeaderValue>) -> Tunnel<C> {
    authorization.into_iter().fold(Tunnel::new(proxy, connector), Tunnel::with_auth)
}

/// Creates connections of this connector, with TLS over them.
fn over<C>(config: &Config, connector: C) -> Result<Sender>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let connector = config.rustls_https_connector_with_connector(connector).map_err(|error| unconnectable(&error))?;
    let headers = config.extra_headers_layer().map_err(|error| unconnectable(&error))?;
    let service = ServiceBuilder::new()
        .map_response(retry_after::keep)
        .layer(config.base_uri_layer())
        .layer(headers)
        .map_err(BoxError::from)
        .service(Pool::builder(TokioExecutor::new()).build(connector));
    Ok(BoxCloneSyncService::new(service))
}

/// Returns the error of a failed TLS setup.
fn unconnectable(error: &kube::Error) -> Error {
    let reason = match error {
        kube::Error::RustlsTls(
            RustlsTlsError::InvalidIdentityPem(_)
            | RustlsTlsError::MissingPrivateKey
            | RustlsTlsError::MissingCertificate
            | RustlsTlsError::InvalidPrivateKey(_)
            | RustlsTlsError::UnknownPrivateKeyFormat,
        ) => "the client certificate and its key are not PEM, or do not belong together".to_owned(),
        kube::Error::RustlsTls(RustlsTlsError::InvalidServerName(_)) => {
            "`tls-server-name` is not a host name".to_owned()
        }
        _ => match env::var_os(TRUST).filter(|it| !it.is_empty()) {
            Some(file) => format!("the authorities of {TRUST}, {}, are not valid", Path::new(&file).display()),
            None => "the authorities that this machine trusts are not valid".to_owned(),
        },
    };
    unusable("the connection to the cluster", reason)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use regcred_core::{Proxies, testing::TestClock};

    use super::*;
    use crate::client::parsed;

    async fn session(user: &str, folder: &Path, clock: &Arc<TestClock>) -> Arc<Session> {
        let text = format!(
            "{{ clusters: [{{ name: c, cluster: {{ server: 'http://127.0.0.1:1' }} }}], users: [{{ name: u, user: {user} }}],
               contexts: [{{ name: c, context: {{ cluster: c, user: u }} }}], current-context: c }}"
        );
        let settings = parsed(&text, folder, &Proxies::default()).expect("it is whole");
        Arc::new(Session::new(settings, clock.clone()).await.expect("its credential is there"))
    }

    async fn sent(session: &Arc<Session>) -> String {
        session.renew().await.expect("it is there");
        let header = session.current().header.clone();
        header.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned()).unwrap_or_default()
    }

    fn reject(session: &Session) {
        let taken = session.current().taken;
        session.reject(taken);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_file_is_read_again_and_the_last_token_is_used_while_it_is_empty() {
        let dir = tempfile::tempdir().expect("a folder");
        let write = |text: &str| fs::write(dir.path().join("token"), text).expect("it can be written");
        write("one\n");
        let session = session("{ tokenFile: token }", dir.path(), &Arc::new(TestClock::new())).await;
        write("two\n");
        assert_eq!(sent(&session).await, "Bearer one");
        tokio::time::advance(REREAD).await;
        assert_eq!(sent(&session).await, "Bearer two");
        for gone in ["", "thr\nee"] {
            write(gone);
            tokio::time::advance(REREAD).await;
            assert_eq!(sent(&session).await, "Bearer two");
        }
        fs::remove_file(dir.path().join("token")).expect("it was there");
        tokio::time::advance(REREAD).await;
        assert_eq!(sent(&session).await, "Bearer two");
        write("four");
        reject(&session);
        assert_eq!(sent(&session).await, "Bearer four", "after 401 it is read at once");
    }

    #[tokio::test]
    async fn a_plug_in_runs_again_only_when_its_token_expires() {
        let dir = tempfile::tempdir().expect("a folder");
        let script = |expires: &str| {
            format!(
                "{{ exec: {{ apiVersion: client.authentication.k8s.io/v1, command: sh, args: ['-c', 'echo >> {0}; \
                 printf \"kind: ExecCredential\\napiVersion: client.authentication.k8s.io/v1\\nstatus: {{ token: t%s{expires} }}\" $(wc -l < {0})'] }} }}",
                dir.path().join("runs").display()
            )
        };
        let clock = Arc::new(TestClock::new()); // at 2015-08-19T16:00:00Z
        let session_of = async |expires: &str| session(&script(expires), dir.path(), &clock).await;
        let lasting = session_of(", expirationTimestamp: \\\"2015-08-19T17:00:00Z\\\"").await;
        assert_eq!((sent(&lasting).await, sent(&lasting).await), ("Bearer t1".into(), "Bearer t1".into()));
        reject(&lasting);
        assert_eq!(sent(&lasting).await, "Bearer t1", "it ran a moment ago");
        clock.step(Duration::from_mins(59));
        assert_eq!(sent(&lasting).await, "Bearer t1", "a minute is left");
        clock.step(Duration::from_secs(50));
        assert_eq!(sent(&lasting).await, "Bearer t2", "a request that is on its way would be late");
        let ended = session_of(", expirationTimestamp: \\\"2000-01-01T00:00:00Z\\\"").await;
        assert_eq!((sent(&ended).await, sent(&ended).await), ("Bearer t4".into(), "Bearer t5".into()));
    }
}
