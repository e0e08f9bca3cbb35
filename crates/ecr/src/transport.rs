//! The connections of the SDK: trusted authorities, no secret in clear text, and a size limit for answers.

use std::{
    fmt, mem,
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use aws_smithy_async::time::TimeSource;
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::HttpRequest,
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::Response,
};
use aws_smithy_types::{DateTime, body::SdkBody, date_time::Format};
use http::Uri;
use http_body_util::Limited;
use regcred_core::{Clock, Error, ExposeSecret, Proxies, ProxyUrl, Result, codes::PROXY};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::time::Instant;
use tracing::warn;

use crate::{codes, environment::Environment};

/// A real answer has 3 kB.
const LONGEST_ANSWER: usize = 64 * 1024;
/// The variable with a PEM file of authorities to trust instead of the machine's own.
const BUNDLE: &str = "AWS_CA_BUNDLE";
/// The same variable for all programs of a machine. It applies if no AWS setting names a CA bundle.
const SYSTEM_BUNDLE: &str = "SSL_CERT_FILE";
/// The addresses that serve credentials to a machine or a container. They use clear text, but never leave the machine.
const METADATA: [&str; 5] = ["169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23"];

/// The connections to AWS: connection pool, proxies of the environment and trusted authorities. Providers may share
/// one.
///
/// It sends clear text only to loopback, to the credential addresses of a machine, and to an explicitly allowed
/// endpoint. These requests never use a proxy.
#[derive(Clone, Debug)]
pub struct Transport {
    direct: SharedHttpClient,
    proxied: SharedHttpClient,
    proxies: Arc<Proxies>,
    /// Why the proxy cannot be used. It is an error only for connections that need the proxy.
    unusable: Option<Error>,
    /// The one host beyond the machine that may be contacted in clear text.
    insecure: Option<Arc<str>>,
    heard: Heard,
    /// The variables and files that name proxies and authorities.
    environment: Environment,
    /// Whether a profile may name the authorities. It may unless a custom client or `AWS_CA_BUNDLE` did.
    takes_bundle: bool,
}

/// The time in the last answer, and when the answer arrived.
type Heard = Arc<Mutex<Option<(SystemTime, Instant)>>>;

impl Transport {
    /// Creates a transport. Reads the file that `AWS_CA_BUNDLE` names or, if that is not set, `SSL_CERT_FILE`.
    ///
    /// Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) unless the file contains only whole
    /// certificates, and at least one. Otherwise regcred would trust none or only some of the intended authorities. An
    /// unusable proxy is an error of the first request that needs it.
    pub fn new() -> Result<Self> {
        Self::of(Environment::process())
    }

    /// Creates a transport with the variables and files of this environment.
    pub(crate) fn of(environment: Environment) -> Result<Self> {
        let variable = |name: &str| environment.get_os(name).map(|value| value.to_string_lossy().into_owned());
        let proxies = Proxies::from_variables(variable);
        proxies.warn_once(|warning| warn!(reason = warning, "ignored proxy setting"));
        let (bundle, system) = (environment.path(BUNDLE), environment.path(SYSTEM_BUNDLE));
        let trust = match (&bundle, &system) {
            (Some(path), _) => trust_in(BUNDLE, path, &environment)?,
            (None, Some(path)) => trust_in(SYSTEM_BUNDLE, path, &environment)?,
            (None, None) => TrustStore::default(),
        };
        let (direct, tunnelled, unusable) = clients(&proxies, &trust);
        let (proxies, takes_bundle) = (Arc::new(proxies), bundle.is_none());
        let heard = Heard::default();
        Ok(Self { direct, proxied: tunnelled, proxies, unusable, insecure: None, heard, environment, takes_bundle })
    }

    /// Trusts the authorities in this file, which a profile's `ca_bundle` names, unless `AWS_CA_BUNDLE` names others.
    pub(crate) fn trusting(self, path: &Path, profile: &str, environment: &Environment) -> Result<Self> {
        if !self.takes_bundle {
            return Ok(self);
        }
        let trust = trust_in(&format!("ca_bundle of the AWS profile {profile:?}"), path, environment)?;
        let (direct, proxied, unusable) = clients(&self.proxies, &trust);
        Ok(Self { direct, proxied, unusable, ..self })
    }

    /// Creates the same transport with the current environment and authorities.
    pub fn renewed(&self) -> Result<Self> {
        Ok(Self { heard: self.heard.clone(), ..Self::of(self.environment.clone())? })
    }

    /// Creates a transport from a custom client, which brings its own trust, proxies and timeouts. The rules for clear
    /// text and the size limit for answers still apply.
    pub fn from_client(client: impl HttpClient + 'static) -> Self {
        let direct = SharedHttpClient::new(client);
        let (proxies, heard, environment) = (Arc::default(), Heard::default(), Environment::process());
        let (tunnelled, unusable, insecure) = (direct.clone(), None, None);
        Self { direct, proxied: tunnelled, proxies, unusable, insecure, heard, environment, takes_bundle: false }
    }

    /// Also allows clear text to the host of this URL.
    pub(crate) fn allowing(self, url: &str) -> Self {
        Self { insecure: Some(host(url).into()), ..self }
    }

    /// Returns the server's current time, to a second or two, from the last answer on this transport. Returns `None` if
    /// there was no answer.
    ///
    /// # Panics
    ///
    /// Never: nothing panics while it holds the lock.
    pub fn their_time(&self) -> Option<SystemTime> {
        let heard = *self.heard.lock().expect("nothing panics while it holds the lock");
        heard.map(|(time, at)| time + at.elapsed())
    }
}

/// The largest tolerated clock skew. AWS accepts a signature that is five minutes old.
pub(crate) const SKEW: Duration = Duration::from_mins(4);

/// The transport of one provider, and the time that signs its requests. That is this machine's time or, if the skew is
/// too large, the server's time.
///
/// The SDK can correct the time too, but separately for each client, and some clients live for one call.
#[derive(Clone, Debug)]
pub(crate) struct Signing {
    pub(crate) transport: Transport,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Signing {
    /// Returns the result of [`skew`], or 0 before the first answer.
    pub(crate) fn skew(&self) -> i64 {
        self.transport.their_time().map_or(0, |theirs| skew(theirs, self.clock.now()))
    }
}

/// Returns how far the server's clock is ahead of this machine's, in whole seconds. Returns 0 if signatures allow for
/// the difference.
pub(crate) fn skew(theirs: SystemTime, ours: SystemTime) -> i64 {
    let seconds = |apart: Duration| i64::try_from(apart.as_secs()).unwrap_or(i64::MAX);
    match theirs.duration_since(ours) {
        Ok(ahead) if ahead > SKEW => seconds(ahead),
        Err(behind) if behind.duration() > SKEW => -seconds(behind.duration()),
        _ => 0,
    }
}

impl TimeSource for Signing {
    fn now(&self) -> SystemTime {
        let ours = self.clock.now();
        self.transport.their_time().filter(|theirs| skew(*theirs, ours) != 0).unwrap_or(ours)
    }
}

fn proxy_config(proxy: &ProxyUrl) -> Result<ProxyConfig> {
    // The SDK's error quotes the URL.
    let invalid =
        |_| Error::new(&PROXY, format!("cannot use the proxy {}", proxy.as_str())).with_cause("it is not a URL");
    let config = ProxyConfig::https(proxy.as_str()).map_err(invalid)?;
    Ok(match proxy.user() {
        Some((user, password)) => config.with_basic_auth(user, password.expose_secret()),
        None => config,
    })
}

/// Returns a client without a proxy, a client with the proxy, and why the proxy cannot be used.
fn clients(proxies: &Proxies, trust: &TrustStore) -> (SharedHttpClient, SharedHttpClient, Option<Error>) {
    let proxy = proxies.https().and_then(|proxy| proxy.as_ref().map(proxy_config).transpose());
    let (proxy, unusable) = match proxy {
        Ok(proxy) => (proxy.unwrap_or_else(ProxyConfig::disabled), None),
        Err(error) => (ProxyConfig::disabled(), Some(error)),
    };
    (client(trust, ProxyConfig::disabled()), client(trust, proxy), unusable)
}

/// Reads the authorities to trust. `named_by` is the variable or the setting with the path.
fn trust_in(named_by: &str, path: &Path, environment: &Environment) -> Result<TrustStore> {
    let unusable = |how: String| {
        let message = format!("cannot use the authorities of {named_by}, {}", path.display());
        Error::new(&codes::TRUST, message).with_cause(how)
    };
    let pem = environment.read(path).map_err(|error| unusable(error.chain()))?;
    let pem = pem.ok_or_else(|| unusable(format!("cannot read {}: it does not exist", path.display())))?;
    let mut roots = RootCertStore::empty();
    for (place, certificate) in CertificateDer::pem_slice_iter(&pem).enumerate() {
        let broken = || unusable(format!("certificate {} is broken or cut off", place + 1));
        roots.add(certificate.map_err(|_| broken())?).map_err(|_| broken())?;
    }
    if roots.is_empty() {
        return Err(unusable("it has no PEM certificate".into()));
    }
    Ok(TrustStore::empty().with_pem_certificate(pem))
}

fn client(trust: &TrustStore, proxies: ProxyConfig) -> SharedHttpClient {
    let trust = TlsContext::builder().with_trust_store(trust.clone()).build().expect("a trust store is all it takes");
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(proxies.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(trust.clone()).build()
    })
}

impl HttpClient for Transport {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Guarded {
            direct: self.direct.http_connector(settings, components),
            proxied: self.proxied.http_connector(settings, components),
            proxies: self.proxies.clone(),
            unusable: self.unusable.clone(),
            insecure: self.insecure.clone(),
            heard: self.heard.clone(),
        })
    }
}

#[derive(Debug)]
struct Guarded {
    direct: SharedHttpConnector,
    proxied: SharedHttpConnector,
    proxies: Arc<Proxies>,
    unusable: Option<Error>,
    insecure: Option<Arc<str>>,
    heard: Heard,
}

impl Guarded {
    /// Returns whether requests to this URL use TLS through the proxy. The proxy may be unusable.
    fn is_proxied(&self, url: &str) -> bool {
        let port = url.parse::<Uri>().ok().and_then(|url| url.port_u16()).unwrap_or(443);
        !matches!(self.proxies.proxy_for("https", host(url), port), Ok(None))
    }
}

impl HttpConnector for Guarded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let host = host(request.uri());
        // The credential endpoints of a machine use the machine's own clock.
        let heard = (!METADATA.contains(&host)).then(|| self.heard.clone());
        let answer = match (is_near(host), request.uri().starts_with("https://")) {
            (false, false) if self.insecure.as_deref() != Some(host) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(InsecureEndpoint.into())));
            }
            (false, true) if self.is_proxied(request.uri()) => match &self.unusable {
                Some(error) => {
                    let error = UnusableProxy(error.clone());
                    return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
                }
                None => self.proxied.call(request),
            },
            _ => self.direct.call(request),
        };
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            if let (Some(heard), Some(time)) = (heard, time_of(&answer)) {
                *heard.lock().expect("nothing panics while it holds the lock") = Some((time, Instant::now()));
            }
            Ok(limited(answer))
        })
    }
}

/// Returns when an answer was sent, by the clock of its sender.
pub(crate) fn time_of(answer: &Response) -> Option<SystemTime> {
    let date = DateTime::from_str(answer.headers().get("date")?, Format::HttpDate).ok()?;
    SystemTime::try_from(date).ok()
}

fn limited(mut answer: Response) -> Response {
    let unlimited = mem::replace(answer.body_mut(), SdkBody::taken());
    *answer.body_mut() = SdkBody::from_body_1_x(Limited::new(unlimited, LONGEST_ANSWER));
    answer
}

/// The endpoint is neither HTTPS nor on loopback.
#[derive(Debug)]
pub(crate) struct InsecureEndpoint;

impl fmt::Display for InsecureEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the endpoint is neither HTTPS nor on loopback")
    }
}

impl std::error::Error for InsecureEndpoint {}

/// The proxy that the connection needs cannot be used.
#[derive(Debug)]
pub(crate) struct UnusableProxy(pub(crate) Error);

impl fmt::Display for UnusableProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.chain())
    }
}

impl std::error::Error for UnusableProxy {}

/// Returns whether the URL is HTTPS, or HTTP on loopback.
pub(crate) fn is_secure(url: &str) -> bool {
    url.starts_with("https://") || (url.starts_with("http://") && is_loopback(host(url)))
}

/// Returns a URL as errors may show it: scheme, host and port. User, path and query can contain a secret. So can text
/// that is not a URL.
pub(crate) fn shown(url: &str) -> String {
    let shown = url.parse::<Uri>().ok().and_then(|url| {
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Some(format!("{:?}", format!("{}://{}{port}", url.scheme_str()?, url.host()?)))
    });
    shown.unwrap_or_else(|| "that is not a URL".into())
}

/// Returns whether a request to this host never leaves the machine.
fn is_near(host: &str) -> bool {
    is_loopback(host) || METADATA.contains(&host)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Returns the host of a URL, without port and brackets. Returns an empty text if there is no host, or if a user
/// precedes it.
fn host(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else { return "" };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return "";
    }
    match authority.strip_prefix('[') {
        Some(v6) => match v6.split_once(']') {
            Some((address, port)) if port.is_empty() || port.starts_with(':') => address,
            _ => "",
        },
        None => authority.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::ErrorKind;

    use super::*;

    #[test]
    fn only_loopback_may_use_plain_http() {
        for good in ["https://x", "http://127.0.0.1:4566/", "http://localhost", "http://[::1]:80/x"] {
            assert!(is_secure(good), "{good}");
        }
        let bad = [
            "http://x",
            "http://127.0.0.1.evil.example",
            "http://[::1].evil.example",
            "http://localhost@evil.example",
            "ftp://127.0.0.1",
            "http://10.0.0.1",
            "http://169.254.169.254",
            "",
        ];
        for bad in bad {
            assert!(!is_secure(bad), "{bad}");
        }
    }

    #[test]
    fn only_metadata_and_loopback_addresses_count_as_near() {
        for near in ["http://169.254.170.23/v1/credentials", "http://[fd00:ec2::254]/latest", "http://127.0.0.1:80"] {
            assert!(is_near(host(near)), "{near}");
        }
        for far in ["http://169.254.170.24/", "https://sts.eu-west-1.amazonaws.com/", "http://x@127.0.0.1/"] {
            assert!(!is_near(host(far)), "{far}");
        }
    }

    #[test]
    fn only_scheme_host_and_port_of_a_url_are_shown() {
        for (url, expected) in [
            ("http://bob:canary@aws.example/x@y", "\"http://aws.example\""),
            ("https://aws.example:8443/canary?token=canary", "\"https://aws.example:8443\""),
            ("ftp://aws.example", "\"ftp://aws.example\""),
            ("bob:canary@aws.example", "that is not a URL"),
            ("canary", "that is not a URL"),
            ("https://aws.example\ncanary", "that is not a URL"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }

    #[test]
    fn a_ca_bundle_is_trusted_completely_or_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("ca.pem");
        let trust = |pem: &str| {
            std::fs::write(&path, pem).expect("it can be written");
            trust_in("AWS_CA_BUNDLE", &path, &Environment::process()).map(drop)
        };
        let authority = regcred_testkit::tls::Authority::new().pem();
        trust(&authority).expect("one is enough");
        trust(&format!("# a comment\n{authority}{authority}")).expect("comments and repeats are fine");
        let bad = [
            ("", "no PEM certificate"),
            ("canary", "no PEM certificate"),
            (&authority[..authority.len() / 2], "certificate 1 is broken or cut off"),
            (&format!("{authority}{}", authority.replacen("MII", "AAA", 1)), "certificate 2 is broken or cut off"),
        ];
        for (pem, why) in bad {
            let error = trust(pem).expect_err(why);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.chain().contains(why) && error.chain().contains("ca.pem"), "{error:?}");
            assert!(!error.chain().contains("canary"), "{error:?}");
        }
        let none = trust_in("AWS_CA_BUNDLE", &dir.path().join("none.pem"), &Environment::process());
        let error = none.expect_err("it is not there");
        assert!(error.chain().contains("none.pem") && error.chain().ends_with("it does not exist"), "{error:?}");
    }
}
