//! Which cluster: inside one the ServiceAccount of the pod, elsewhere a kubeconfig.

use std::{
    env, fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::TokioExecutor,
};
use kube::{
    Client, Config,
    client::{AuthError, ClientBuilder, ConfigExt},
};
use regcred_core::{Error, ErrorKind, Result, read_file};
use tokio::{task::spawn_blocking, time::timeout};
use tower::{BoxError, ServiceBuilder, service_fn, util::MapResponseLayer};
use tracing::{Dispatch, dispatcher::with_default, instrument::WithSubscriber};

use crate::{kubeconfig, retry_after};

/// For a connection: longer than a lost first packet, shorter than one look may take.
const CONNECT: Duration = Duration::from_secs(4);
/// For an exec plug-in: it may ask somebody else for a token, but it may not hang us.
const PLUGIN: Duration = Duration::from_secs(30);

/// How to reach a cluster. Default: as a pod its ServiceAccount, else the current context of the kubeconfig that
/// `KUBECONFIG` or `~/.kube/config` names.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// This kubeconfig, also inside a cluster.
    pub kubeconfig: Option<PathBuf>,
    /// This context of the kubeconfig, also inside a cluster.
    pub context: Option<String>,
}

/// A cluster that can be spoken to.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    server: String,
    context: Option<String>,
    own_namespace: Option<String>,
}

impl Cluster {
    /// Reads what is needed to reach the cluster; asks it nothing. [`ErrorKind::Invalid`] if that is not there or not valid, for a
    /// server over HTTP that is not on loopback, and in a pod for a kubeconfig that names a program or a file outside of its folder: who
    /// may write a Secret with a kubeconfig would run programs as regcred, or have its token sent elsewhere.
    pub async fn connect(connection: &Connection) -> Result<Self> {
        let variable = env::var_os("KUBECONFIG").is_some_and(|path| !path.is_empty());
        let explicit = connection.kubeconfig.is_some() || connection.context.is_some() || variable;
        if kubeconfig::is_pod() && Path::new(POD_TOKEN).exists() && !explicit {
            let config =
                Config::incluster().map_err(|error| unusable("the pod's ServiceAccount", error.to_string()))?;
            let own = config.default_namespace.clone();
            let cluster = Self::from_config(config, None).await?;
            return Ok(Self { own_namespace: Some(own), ..cluster });
        }
        // kube logs what it cannot parse.
        let (config, context) = kubeconfig::load(connection).with_subscriber(Dispatch::none()).await?;
        Self::from_config(config, context).await
    }

    /// From a client configuration of one's own.
    ///
    /// Runs the exec plug-in of the configuration, if it has one, for at most 30 s. The plug-in is not interactive: it has no
    /// standard input, and nothing of what it prints is shown.
    pub async fn from_config(mut config: Config, context: Option<String>) -> Result<Self> {
        config.connect_timeout = Some(CONNECT);
        config.default_retry = false; // one call is one attempt: the engine repeats
        kubeconfig::silence_plugin(&mut config);
        let server = without_user(&config.cluster_url);
        let unusable = |reason: String| unusable("the connection to the cluster", reason);
        if config.cluster_url.scheme_str() == Some("http") && !config.cluster_url.host().is_some_and(is_loopback) {
            return Err(unusable(format!(
                "{server} is neither HTTPS nor on loopback: tokens and Secrets would travel in clear text"
            )));
        }
        // Reading a pipe would hang here, and be taken for a slow plug-in.
        if let Some(file) = env::var_os(TRUST).filter(|it| !it.is_empty() && config.root_cert.is_none()) {
            read_file(Path::new(&file)).map_err(|error| unusable(format!("{TRUST}: {}", error.chain())))?;
        }
        let made = timeout(PLUGIN, spawn_blocking(move || with_default(&Dispatch::none(), || client(config)))).await;
        let made = made.map_err(|_| unusable("the exec plug-in did not answer within 30 s".into()))?;
        let client =
            made.map_err(|_| unusable("making it panicked".into()))?.map_err(|error| unusable(tell_client(&error)))?;
        Ok(Self { client, server, context, own_namespace: None })
    }

    /// By a client of one's own, whatever its calls go through. `server`: the URL that it leads to, which stands for the cluster where
    /// several are told apart. The client's time-outs and retries stay as they are: one that repeats by itself takes from the time of
    /// each call, and the engine repeats anyway. Inside a runtime alone, as for [`Client::new`].
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() {
    /// use kube::client::Body;
    /// use regcred_openshift::Cluster;
    ///
    /// let nobody = tower::service_fn(async |_: http::Request<Body>| Err::<http::Response<Body>, _>("nobody is there"));
    /// let cluster = Cluster::from_client(kube::Client::new(nobody, "default"), &"https://api.example:6443".parse().expect("a URL"));
    /// assert_eq!((cluster.server(), cluster.default_namespace()), ("https://api.example:6443/", "default"));
    /// # }
    /// ```
    pub fn from_client(client: Client, server: &http::Uri) -> Self {
        let namespace = client.default_namespace().to_owned();
        let call = service_fn(move |request| {
            let client = client.clone();
            async move { client.send(request).await.map(retry_after::keep) }
        });
        Self { client: Client::new(call, namespace), server: without_user(server), context: None, own_namespace: None }
    }

    /// The URL of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The context of the kubeconfig; `None` inside a cluster.
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// The namespace of the pod that this is; `None` outside a cluster.
    pub fn own_namespace(&self) -> Option<&str> {
        self.own_namespace.as_deref()
    }

    /// The namespace of the context, or of the pod; `default`, if neither says one.
    pub fn default_namespace(&self) -> &str {
        self.client.default_namespace()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

/// Names the authorities to trust where a kubeconfig does not.
const TRUST: &str = "SSL_CERT_FILE";
const POD_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Whether a host never leaves the machine.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// A URL as it may be shown.
fn without_user(url: &http::Uri) -> String {
    let authority = url.authority().map(|it| it.as_str().rsplit('@').next().unwrap_or_default());
    format!("{}://{}{}", url.scheme_str().unwrap_or("https"), authority.unwrap_or_default(), url.path())
}

/// What is wrong with a connection. What a plug-in was told and what it answered are secrets.
fn tell_client(error: &kube::Error) -> String {
    match error {
        kube::Error::Auth(AuthError::AuthExecStart(error)) => format!("the exec plug-in cannot be started: {error}"),
        kube::Error::Auth(AuthError::AuthExecRun { out, .. }) => format!("the exec plug-in failed with {}", out.status),
        kube::Error::Auth(AuthError::AuthExecParse(_)) => "the exec plug-in did not answer with a credential".into(),
        kube::Error::Auth(_) => "its credentials cannot be used".into(),
        kube::Error::ProxyProtocolUnsupported { .. } | kube::Error::ProxyProtocolDisabled { .. } => {
            "proxies of this protocol are not supported".into()
        }
        _ => match env::var_os(TRUST) {
            Some(file) => format!(
                "the authorities to trust, those of the kubeconfig or of SSL_CERT_FILE, {}, cannot be used",
                Path::new(&file).display()
            ),
            None => "its TLS settings, or the authorities that this machine trusts, cannot be used".into(),
        },
    }
}

/// kube's own layers, over connections that send at once: kube leaves Nagle's algorithm on, and with TLS each new connection
/// then waits 40 ms for an acknowledgement. Through a proxy it is kube's own client.
fn client(config: Config) -> kube::Result<Client> {
    if config.proxy_url.is_some() {
        let kubes = ClientBuilder::try_from(config)?;
        return Ok(kubes.with_layer(&MapResponseLayer::new(retry_after::keep)).build());
    }
    // An error says that the program has chosen one already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(config.connect_timeout);
    let connector = config.rustls_https_connector_with_connector(connector)?;
    let service = ServiceBuilder::new()
        .map_response(retry_after::keep)
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(Pool::builder(TokioExecutor::new()).build(connector));
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}

pub(crate) fn unusable(what: &str, reason: String) -> Error {
    Error::new(ErrorKind::Invalid, format!("{what} cannot be used")).with_cause(reason)
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("server", &self.server).field("context", &self.context).finish_non_exhaustive()
    }
}
