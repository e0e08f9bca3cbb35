//! The checked settings of a client.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Uri;
use kube::{
    Config,
    config::{AuthInfo, ExecAuthCluster},
};
use regcred_core::{ExposeSecret, Proxies, ProxyUrl, Result};
use rustls::pki_types::ServerName;
use tracing::warn;

use super::{
    certificates::{self, Identity},
    context::Selected,
    credential::Credential,
    document, exec, header, server,
};
use crate::client::connection::unusable;

/// Settings of a connection. All values are valid.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) context: Option<String>,
    /// The settings of kube for TLS and headers, without a token and a proxy.
    pub(super) config: Config,
    pub(super) proxy: Option<ProxyUrl>,
    pub(super) credential: Credential,
}

impl Settings {
    /// Checks the cluster and the user of a context.
    pub(crate) fn of(selected: Selected, proxies: &Proxies) -> Result<Self> {
        let Selected { context, cluster_name, cluster, user_name, mut user, namespace } = selected;
        let of_cluster = |reason: String| unusable("the kubeconfig", format!("its cluster {cluster_name:?} {reason}"));
        let of_user = |reason: String| unusable("the kubeconfig", format!("its user {user_name:?} {reason}"));
        let Some(text) = &cluster.server else { return Err(of_cluster("has no `server`".into())) };
        let server = server::parse(text).map_err(|reason| of_cluster(format!("has a `server` that {reason}")))?;
        if server.is_bare && !server.url.host().is_some_and(server::is_loopback) {
            let authority = server.url.authority().map(ToString::to_string).unwrap_or_default();
            return Err(of_cluster(format!(
                "has a `server` without a scheme, which means http:// and clear text: write https://{authority}"
            )));
        }
        let is_tls = server.url.scheme_str() == Some("https");
        let proxy = match &cluster.proxy_url {
            Some(url) => Some(ProxyUrl::parse(url, &format!("`proxy-url` of the cluster {cluster_name:?}"))?),
            None => proxy(proxies, &server.url)?,
        };
        let mut config = Config::new(server.url);
        config.default_namespace = namespace;
        config.root_cert = certificates::authorities(&cluster)
            .map_err(|reason| of_cluster(format!("has no usable authority: {reason}")))?;
        let is_insecure = cluster.insecure_skip_tls_verify == Some(true);
        if is_insecure && is_tls {
            if config.root_cert.is_some() {
                let reason = "has `insecure-skip-tls-verify` beside `certificate-authority`: remove one";
                return Err(of_cluster(reason.into()));
            }
            warn!(
                cluster = cluster_name,
                reason = "insecure-skip-tls-verify is set",
                hint = "an attacker on the network path can read the credentials",
                fix = "set certificate-authority instead",
                "disabled certificate verification"
            );
        }
        config.accept_invalid_certs = is_insecure;
        if let Some(name) = &cluster.tls_server_name {
            let name = ServerName::try_from(name.clone());
            name.map_err(|_| of_cluster("has a `tls-server-name` that is not a host name".into()))?;
        }
        config.tls_server_name.clone_from(&cluster.tls_server_name);
        if let Some(exec) = user.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
            exec.cluster = Some(exec::described(&cluster).map_err(of_user)?);
        }
        let credential = Credential::of(&user_name, &user, server.user.as_ref()).map_err(of_user)?;
        config.headers = header::impersonation(&user).map_err(of_user)?;
        let identity = certificates::identity(&user).map_err(|reason| of_user(unidentified(&reason)))?;
        identify(&mut config, identity.as_ref());
        Ok(Self { context, config, proxy, credential })
    }

    /// Checks a configuration that the calling program created.
    pub(crate) fn from_config(mut config: Config, context: Option<String>) -> Result<Self> {
        let failed = |reason: String| unusable("the client configuration", format!("its user {reason}"));
        let cluster = config.auth_info.exec.as_mut().and_then(|exec| exec.cluster.take());
        let user = serde_json::to_value(&config.auth_info).map_err(|_| failed("is not usable".into()))?;
        let mut user = document::typed::<AuthInfo>(user).map_err(failed)?;
        if let Some(exec) = &mut user.exec {
            exec.cluster = Some(ExecAuthCluster {
                server: Some(config.cluster_url.to_string()),
                insecure_skip_tls_verify: config.accept_invalid_certs.then_some(true),
                proxy_url: config.proxy_url.as_ref().map(ToString::to_string),
                tls_server_name: config.tls_server_name.clone(),
                ..cluster.unwrap_or_default()
            });
        }
        let credential = Credential::of("of the configuration", &user, None).map_err(failed)?;
        let proxy = config.proxy_url.take().map(|url| ProxyUrl::parse(&url.to_string(), "the client configuration"));
        let identity = certificates::identity(&user).map_err(|reason| failed(unidentified(&reason)))?;
        config.headers.extend(header::impersonation(&user).map_err(failed)?);
        identify(&mut config, identity.as_ref());
        Ok(Self { context, config, proxy: proxy.transpose()?, credential })
    }

    /// Returns whether the authorities of this machine are needed.
    pub(crate) fn needs_machine_trust(&self) -> bool {
        self.config.root_cert.is_none()
    }

    /// Returns the URL of the API server.
    pub(crate) fn url(&self) -> &Uri {
        &self.config.cluster_url
    }
}

/// Replaces the user of a configuration by a client certificate.
pub(super) fn identify(config: &mut Config, identity: Option<&Identity>) {
    config.auth_info = AuthInfo {
        client_certificate_data: identity.map(|it| STANDARD.encode(&it.certificate)),
        client_key_data: identity.map(|it| STANDARD.encode(it.key.expose_secret()).into()),
        ..AuthInfo::default()
    };
}

fn unidentified(reason: &str) -> String {
    format!("has no usable client certificate: {reason}")
}

/// Returns the proxy of the environment.
fn proxy(proxies: &Proxies, server: &Uri) -> Result<Option<ProxyUrl>> {
    let scheme = server.scheme_str().unwrap_or("https");
    let host = server.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let port = server.port_u16().unwrap_or(if scheme == "http" { 80 } else { 443 });
    proxies.proxy_for(scheme, host, port)
}
