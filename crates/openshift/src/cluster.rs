//! Which cluster: inside one the ServiceAccount of the pod, elsewhere a kubeconfig.

use std::{env, fmt, path::Path, sync::Arc};

use kube::{Client, Config};
use regcred_core::{Proxies, Result, SystemClock, read_file};
use tower::service_fn;
use tracing::{Dispatch, instrument::WithSubscriber, warn};

use crate::{
    client::{self, Connection, Settings, TRUST, is_loopback, unusable},
    retry_after,
};

/// A cluster that can be spoken to.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    server: String,
    context: Option<String>,
    own_namespace: Option<String>,
}

impl Cluster {
    /// Reads all that it takes to reach the cluster, as kubectl does, and asks the cluster nothing.
    ///
    /// [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) if something is missing or not valid. A server over HTTP has to be on loopback. In a pod a kubeconfig may
    /// name neither a program nor a file outside of its folder. Otherwise the author of a Secret with a kubeconfig could run programs as
    /// regcred, or send its token elsewhere.
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
        proxies.warn_once(|warning| warn!("{warning}"));
        Box::pin(Self::from_settings(Settings::of(client::load(connection)?, &proxies)?)).await
    }

    /// From a client configuration of one's own.
    ///
    /// Runs the exec plug-in of the configuration, if it has one, for at most 30 s. The plug-in is not interactive: it has no
    /// standard input, and nothing of what it prints is shown. Time-outs and retries of the configuration do not count: one call is
    /// one attempt.
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
        // The libraries below log what they are given.
        let client = client::connect(settings, Arc::new(SystemClock)).with_subscriber(Dispatch::none()).await?;
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

const POD_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// A URL as it may be shown.
fn without_user(url: &http::Uri) -> String {
    let authority = url.authority().map(|it| it.as_str().rsplit('@').next().unwrap_or_default());
    format!("{}://{}{}", url.scheme_str().unwrap_or("https"), authority.unwrap_or_default(), url.path())
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("server", &self.server).field("context", &self.context).finish_non_exhaustive()
    }
}
