//! Tests with TLS for the client: trust, faults in the handshake, and faults inside TLS.

use std::sync::Arc;

use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use super::*;
use crate::tls::{Authority, Certificate};

const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// Connects to `name` with a client that trusts only `authority`.
async fn shake(proxy: &FaultProxy, authority: &Authority, name: &str) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("it is PEM");
    roots.add(root).expect("it is a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the usual suites")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name or an address");
    TlsConnector::from(Arc::new(config)).connect(name, connect(proxy).await).await
}

#[tokio::test]
async fn a_client_that_trusts_the_authority_connects_by_name_and_by_address() {
    let authority = Authority::new();
    let upstream = upstream().await;
    let proxy = FaultProxy::start_tls(upstream.address(), &authority.issue(&NAMES)).await;
    for name in NAMES {
        let mut stream = shake(&proxy, &authority, name).await.expect("it is trusted");
        for _ in 0..2 {
            ask(&mut stream).await;
            receive(&mut stream).await;
        }
    }
    assert_eq!((proxy.connections(), proxy.requests()), (2, 4));
    assert_eq!(proxy.url(), format!("https://{}", proxy.address()));
}

#[tokio::test]
async fn an_untrusted_certificate_is_refused() {
    let authority = Authority::new();
    let upstream = upstream().await;
    for (certificate, name, reason) in [
        (Certificate::stranger(), "localhost", "UnknownIssuer"),
        (Authority::new().issue(&NAMES), "localhost", "UnknownIssuer"),
        (authority.issue_expired(&NAMES), "localhost", "certificate expired"),
        (authority.issue(&NAMES), "elsewhere.example", "not valid for name"),
    ] {
        let proxy = FaultProxy::start_tls(upstream.address(), &certificate).await;
        let error = shake(&proxy, &authority, name).await.expect_err("it is not trusted").to_string();
        assert!(error.contains(reason), "{error}");
        assert_eq!((proxy.connections(), proxy.requests()), (1, 0));
    }
}

#[tokio::test]
async fn answer_faults_happen_inside_the_tls_connection() {
    let authority = Authority::new();
    let upstream = upstream().await;
    let proxy = FaultProxy::start_tls(upstream.address(), &authority.issue(&NAMES)).await;
    for (fault, heard, end) in [
        (Fault::Truncate(8), "HTTP/1.1", Ok(())),
        (Fault::ResetAfter(8), "HTTP/1.1", Err(io::ErrorKind::ConnectionReset)),
        (Fault::Reset, "", Err(io::ErrorKind::ConnectionReset)),
    ] {
        proxy.set(fault);
        let mut stream = shake(&proxy, &authority, "localhost").await.expect("the handshake is untouched");
        ask(&mut stream).await;
        assert_eq!(drain(&mut stream).await, (heard.as_bytes().to_vec(), end));
    }
    proxy.set(Fault::BlackHole);
    let mut stream = shake(&proxy, &authority, "localhost").await.expect("the handshake is untouched");
    ask(&mut stream).await;
    assert!(is_silent(&mut stream).await);
}

#[tokio::test]
async fn a_handshake_can_be_answered_with_garbage_or_never() {
    let authority = Authority::new();
    let upstream = upstream().await;
    let proxy = FaultProxy::start_tls(upstream.address(), &authority.issue(&NAMES)).await;
    proxy.set(Fault::BadHandshake);
    let error = shake(&proxy, &authority, "localhost").await.expect_err("that is not a ServerHello");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    proxy.set(Fault::SilentHandshake);
    assert!(timeout(LONG_ENOUGH, shake(&proxy, &authority, "localhost")).await.is_err());
    proxy.set_for(1, Fault::Refuse);
    assert!(shake(&proxy, &authority, "localhost").await.is_err());
    assert_eq!((proxy.connections(), proxy.requests()), (3, 0));
}
