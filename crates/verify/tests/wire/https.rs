//! Registries behind TLS and a proxy.

use std::{fs, sync::Arc};

use regcred_core::{RegistryProvider, SystemClock, testing::FakeProvider};
use regcred_http::HttpClient;
use regcred_testkit::{FaultProxy, ForwardProxy, tls::Authority};

use crate::{
    logs::Logs,
    of,
    registry::{FakeRegistry, answer, challenge},
};

#[tokio::test]
async fn a_login_is_sent_only_to_a_trusted_registry() {
    let registry = FakeRegistry::start(|it| if it.has_password() { answer(200) } else { challenge("Basic") }).await;
    let (authority, proxy) = (Authority::new(), ForwardProxy::start().await);
    let tls = FaultProxy::start_tls(registry.address(), &authority.issue(&["registry-1.docker.io"])).await;
    proxy.tunnel_to(tls.address());
    let dir = tempfile::tempdir().expect("a folder");
    let bundle = dir.path().join("ca.pem");
    let logs = Logs::collect();
    for (trusted, requests, log) in [
        (Authority::new(), 0, "DEBUG regcred_verify::verified: cannot verify credential"),
        (authority, 2, "verified credential"),
    ] {
        fs::write(&bundle, trusted.pem()).expect("it can be written");
        let (url, bundle) = (proxy.url(), bundle.display().to_string());
        let client = HttpClient::builder().with_variables(move |name| match name {
            "HTTPS_PROXY" => Some(url.clone()),
            "SSL_CERT_FILE" => Some(bundle.clone()),
            _ => None,
        });
        let hub = FakeProvider::new(Arc::new(SystemClock), "docker.io");
        let verified =
            of(Arc::new(hub)).with_client(client.build().expect("it is usable")).build().expect("it is usable");
        verified.credential().await.expect("it is accepted");
        let logged = logs.take();
        assert!(logged.contains(log) && !logged.contains("canary"), "{logged}");
        assert_eq!(registry.asked().len(), requests, "{logged}");
    }
    assert!(proxy.connects().iter().all(|it| it == "registry-1.docker.io:443"));
}
