//! Which cluster: inside one the ServiceAccount of the pod, elsewhere a kubeconfig.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::TokioExecutor,
};
use kube::{
    Client, Config,
    client::{ClientBuilder, ConfigExt},
    config::{KubeConfigOptions, Kubeconfig},
};
use regcred_core::{Error, ErrorKind, Result};
use tower::{BoxError, ServiceBuilder};

/// For a connection: longer than a lost first packet, shorter than one look may take.
const CONNECT: Duration = Duration::from_secs(4);

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
}

impl Cluster {
    /// Reads what is needed to reach the cluster; asks it nothing. [`ErrorKind::Invalid`] if that is not there or not valid.
    pub async fn connect(connection: &Connection) -> Result<Self> {
        let explicit =
            connection.kubeconfig.is_some() || connection.context.is_some() || env::var_os("KUBECONFIG").is_some();
        let in_pod = env::var_os("KUBERNETES_SERVICE_HOST").is_some() && Path::new(POD_TOKEN).exists();
        let (config, context) = if in_pod && !explicit {
            let config = Config::incluster().map_err(|error| unusable("the pod's ServiceAccount", &error))?;
            (config, None)
        } else {
            from_kubeconfig(connection).await?
        };
        Self::from_config(config, context)
    }

    /// From a client configuration of one's own.
    pub fn from_config(mut config: Config, context: Option<String>) -> Result<Self> {
        config.connect_timeout = Some(CONNECT);
        config.default_retry = false; // one call is one attempt: the engine repeats
        let server = config.cluster_url.to_string();
        let client = client(config).map_err(|error| unusable("the connection to the cluster", &error))?;
        Ok(Self { client, server, context })
    }

    /// The URL of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The context of the kubeconfig; `None` inside a cluster.
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

const POD_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

async fn from_kubeconfig(connection: &Connection) -> Result<(Config, Option<String>)> {
    let kubeconfig = match &connection.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let kubeconfig = kubeconfig.map_err(|error| unusable("the kubeconfig", &error))?;
    let context = connection.context.clone().or_else(|| kubeconfig.current_context.clone());
    let options = KubeConfigOptions { context: connection.context.clone(), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    Ok((config.map_err(|error| unusable("the kubeconfig", &error))?, context))
}

/// kube's own layers, over connections that send at once: kube leaves Nagle's algorithm on, and with TLS each new connection
/// then waits 40 ms for an acknowledgement. Through a proxy it is kube's own client.
fn client(config: Config) -> kube::Result<Client> {
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    // An error says that the program has chosen one already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(config.connect_timeout);
    let connector = config.rustls_https_connector_with_connector(connector)?;
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(Pool::builder(TokioExecutor::new()).build(connector));
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}

fn unusable(what: &str, error: &dyn std::error::Error) -> Error {
    Error::new(ErrorKind::Invalid, format!("{what} cannot be used")).with_cause(error)
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("server", &self.server).field("context", &self.context).finish_non_exhaustive()
    }
}
