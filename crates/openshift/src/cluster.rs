//! The connection to a cluster: by the ServiceAccount of the pod, or by a kubeconfig.

use std::{env, fmt, path::Path, sync::Arc};

use kube::{Client, Config};
use regcred_core::{Proxies, Result, SystemClock, read_file};
use tower::service_fn;
use tracing::{Dispatch, instrument::WithSubscriber, warn};

use crate::{
    client::{self, Connection, Settings, TRUST, is_loopback, unusable},
    retry_after,
};

/// A connection to a cluster.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    server: String,
    context: Option<String>,
    own_namespace: Option<String>,
}

impl Cluster {
    /// Reads the configuration as kubectl does. Sends no request.
    ///
    /// Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) if a value is missing or not valid. A server
    /// over HTTP must be on loopback. In a pod, a kubeconfig must not name a program or a file outside of its folder.
    /// Otherwise the author of a Secret with a kubeconfig could run programs as regcred, or send its token to another
    /// server.
    pub async fn connect(connection: &Connection) -> Result<Self> {
        let variable = env::var_os("KUBECONFIG").is_some_and(|path| !path.is_empty());
        let explicit = connection.kubeconfig.is_some() || connection.context.is_some() || variable;
        if client::is_pod() && Path::new(POD_TOKEN).exists() && !explicit {
            let config =
                Config::incluster().map_err(|error| unusable("the pod's ServiceAccount", error.to_string()))?;
            let own = config.default_namespace.clone();
            let cluster = Self::from_config(config, None).await?;
            return Ok(Self { own_namespace: Some(own), ..cluster });
        }
        let proxies = Proxies::from_env();
        proxies.warn_once(|warning| warn!(reason = warning, "ignored proxy setting"));
        Box::pin(Self::from_settings(Settings::of(client::load(connection)?, &proxies)?)).await
    }

    /// Connects by a client configuration of the calling program.
    ///
    /// Runs the exec plug-in of the configuration, if it has one, for at most 30 s. The plug-in is not interactive: it
    /// has no standard input, and its output is not shown. Timeouts and retries of the configuration are ignored,
    /// because one call is one attempt.
    pub async fn from_config(config: Config, context: Option<String>) -> Result<Self> {
        Box::pin(Self::from_settings(Settings::from_config(config, context)?)).await
    }

    async fn from_settings(settings: Settings) -> Result<Self> {
        let (server, context) = (without_user(settings.url()), settings.context.clone());
        let unusable = |reason: String| unusable("the connection to the cluster", reason);
        if settings.url().scheme_str() == Some("http") && !settings.url().host().is_some_and(is_loopback) {
            return Err(unusable(format!(
                "{server} is neither HTTPS nor on loopback: tokens and Secrets would travel in clear text"
            )));
        }
        if let Some(file) = env::var_os(TRUST).filter(|it| !it.is_empty() && settings.needs_machine_trust()) {
            read_file(Path::new(&file)).map_err(|error| unusable(format!("{TRUST}: {}", error.chain())))?;
        }
        // The libraries below log their input.
        let client = client::connect(settings, Arc::new(SystemClock)).with_subscriber(Dispatch::none()).await?;
        Ok(Self { client, server, context, own_namespace: None })
    }

    /// Connects by a client of the calling program. `server`: the URL that it connects to, which identifies the
    /// cluster. Must run inside a Tokio runtime, as [`Client::new`] must.
    ///
    /// Retries of the client count towards the deadline of each call. The engine retries in any case.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() {
    /// use kube::client::Body;
    /// use regcred_openshift::Cluster;
    ///
    /// let service = tower::service_fn(async |_: http::Request<Body>| Err::<http::Response<Body>, _>("no server"));
    /// let server = "https://api.example:6443".parse().expect("a URL");
    /// let cluster = Cluster::from_client(kube::Client::new(service, "default"), &server);
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

    /// Returns the URL of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Returns the context of the kubeconfig. `None`: there is no kubeconfig.
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// Returns the namespace of the pod that this process runs in. `None`: it uses a kubeconfig, or it is not in a pod.
    pub fn own_namespace(&self) -> Option<&str> {
        self.own_namespace.as_deref()
    }

    /// Returns the namespace of the context or of the pod. Default: `default`.
    pub fn default_namespace(&self) -> &str {
        self.client.default_namespace()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

const POD_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Returns a URL that is safe to display.
fn without_user(url: &http::Uri) -> String {
    let authority = url.authority().map(|it| it.as_str().rsplit('@').next().unwrap_or_default());
    format!("{}://{}{}", url.scheme_str().unwrap_or("https"), authority.unwrap_or_default(), url.path())
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("server", &self.server).field("context", &self.context).finish_non_exhaustive()
    }
}
