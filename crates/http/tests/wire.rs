//! The client against servers and proxies on loopback.

use std::{fs, net::SocketAddr, time::Duration};

use regcred_core::{Error, ErrorKind};
use regcred_http::{HttpClient, HttpClientBuilder, Url};
use regcred_testkit::{
    FaultProxy, ForwardProxy,
    fault::Fault,
    tls::{Authority, Certificate},
};
use tempfile::TempDir;

const CANARY: &str = "canary";
const HOST: &str = "registry.example";

/// No server listens there, because only faults answer.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

fn with_headers(status: u16, headers: &[(&str, &str)], body: &str) -> Fault {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Fault::Answer { status, content_type: "application/json".into(), headers, body: body.into() }
}

fn client(variables: &[(&str, &str)]) -> HttpClientBuilder {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>();
    HttpClient::builder()
        .with_variables(move |name| variables.iter().find(|(it, _)| it == name).map(|(_, value)| value.clone()))
}

async fn post(client: &HttpClient, url: &str) -> Result<regcred_http::Answer, Error> {
    let url = Url::new(url).expect("the URL of the test");
    client.post_form(&url, &[("token", CANARY)], &[("authorization", CANARY)]).await
}

fn assert_failure(error: &Error, kind: ErrorKind, code: &str, cause: &str) {
    assert_eq!((error.kind(), error.code().id()), (kind, code), "{error:?}");
    assert!(error.chain().contains(cause), "{cause}: {error:?}");
    assert!(!error.chain().contains(CANARY), "{error:?}");
}

#[tokio::test]
async fn an_answer_has_its_status_pause_date_and_body() {
    let server = FaultProxy::start(NOWHERE).await;
    let client = client(&[]).build().expect("valid");
    server.set(with_headers(
        429,
        &[
            ("retry-after", "7"),
            ("date", "Thu, 01 Jan 1970 00:00:10 GMT"),
            ("www-authenticate", "Basic realm=canary"),
            ("www-authenticate", "Bearer"),
        ],
        "{\"token\":\"canary\"}",
    ));
    let answer = post(&client, &server.url()).await.expect("it answers");
    assert_eq!((answer.status(), answer.retry_after()), (429, Some(Duration::from_secs(7))));
    assert_eq!(answer.date(), Some(std::time::UNIX_EPOCH + Duration::from_secs(10)));
    assert_eq!(answer.challenges(), ["Basic realm=canary", "Bearer"]);
    assert_eq!(answer.body(), b"{\"token\":\"canary\"}");
    assert!(!format!("{answer:?} {client:?}").contains(CANARY));
}

#[tokio::test]
async fn faults_have_their_kinds_and_codes() {
    use ErrorKind::{Malformed, Unreachable};
    let server = FaultProxy::start(NOWHERE).await;
    let huge = CANARY.repeat(12_000);
    for (fault, kind, code, cause) in [
        (Fault::Refuse, Unreachable, "RC0551", "cut before the answer"),
        (Fault::Reset, Unreachable, "RC0551", "cut before the answer"),
        (Fault::BlackHole, Unreachable, "RC0551", "no complete answer within"),
        (Fault::Garbage, Malformed, "RC0553", "it is not HTTP"),
        (with_headers(200, &[("content-length", "900")], CANARY), Unreachable, "RC0551", "cut during the answer"),
        (Fault::answer(200, "text/html", &huge), Malformed, "RC0553", "longer than 64 KiB"),
        (with_headers(200, &[("x-huge", &huge.repeat(10))], ""), Malformed, "RC0553", "it is not HTTP"),
        (with_headers(302, &[("location", "https://canary.example")], ""), Malformed, "RC0553", "(HTTP 302)"),
        (with_headers(307, &[("location", "https://canary.example")], ""), Malformed, "RC0553", "(HTTP 307)"),
    ] {
        let is_silent = fault == Fault::BlackHole;
        server.set(fault.clone());
        let deadline = Duration::from_millis(if is_silent { 50 } else { 10_000 });
        let client = client(&[]).with_deadline(deadline).build().expect("valid");
        let requests = server.requests();
        let error = post(&client, &server.url()).await.expect_err(cause);
        assert_failure(&error, kind, code, cause);
        assert!(server.requests() <= requests + 1, "one call is one attempt: {error:?}");
    }
}

#[tokio::test]
async fn an_unknown_server_is_unreachable() {
    let server = FaultProxy::start(NOWHERE).await;
    let url = server.url();
    drop(server);
    let error = post(&client(&[]).build().expect("valid"), &url).await.expect_err("nothing listens");
    assert_failure(&error, ErrorKind::Unreachable, "RC0551", "the connection failed");
}

/// A server with TLS, and a folder with the certificate of its authority.
async fn with_tls(certificate: impl Fn(&Authority) -> Certificate) -> (FaultProxy, TempDir, String) {
    let authority = Authority::new();
    let server = FaultProxy::start_tls(NOWHERE, &certificate(&authority)).await;
    server.set(Fault::answer(200, "application/json", "{}"));
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("ca.pem");
    fs::write(&path, authority.pem()).expect("it can be written");
    let path = path.to_str().expect("UTF-8").to_owned();
    (server, dir, path)
}

#[tokio::test]
async fn authorities_come_from_the_variable_or_a_file() {
    let (server, _dir, path) = with_tls(|it| it.issue(&["127.0.0.1"])).await;
    for client in [
        client(&[("SSL_CERT_FILE", &path)]).build().expect("valid"),
        client(&[]).with_authorities(Some(path.as_ref())).build().expect("valid"),
    ] {
        assert_eq!(post(&client, &server.url()).await.expect("it is trusted").status(), 200);
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_invalid() {
    type Issue = fn(&Authority) -> Certificate;
    for (issue, cause) in [
        ((|_| Certificate::stranger()) as Issue, "its certificate is not trusted"),
        (|it| it.issue_expired(&["127.0.0.1"]), "its certificate has expired"),
        (|it| it.issue(&["other.example"]), "its certificate has another name"),
    ] {
        let (server, _dir, path) = with_tls(issue).await;
        let client = client(&[("SSL_CERT_FILE", &path)]).build().expect("valid");
        let error = post(&client, &server.url()).await.expect_err(cause);
        assert_failure(&error, ErrorKind::Invalid, "RC0552", cause);
        assert_eq!(server.requests(), 0, "no request before trust");
    }
}

#[tokio::test]
async fn a_broken_handshake_is_unreachable() {
    let (server, _dir, path) = with_tls(|it| it.issue(&["127.0.0.1"])).await;
    let client = client(&[("SSL_CERT_FILE", &path)]).build().expect("valid");
    server.set(Fault::BadHandshake);
    let error = post(&client, &server.url()).await.expect_err("no handshake");
    assert_failure(&error, ErrorKind::Unreachable, "RC0551", "the TLS handshake failed");
}

#[tokio::test]
async fn requests_go_through_the_tunnel_of_the_proxy() {
    let (server, _dir, path) = with_tls(|it| it.issue(&[HOST])).await;
    let proxy = ForwardProxy::start().await;
    proxy.tunnel_to(server.address());
    let login = proxy.url().replace("http://", "http://bob:canary@");
    let with_proxy = client(&[("HTTPS_PROXY", &login), ("SSL_CERT_FILE", &path)]).build().expect("valid");
    let url = format!("https://{HOST}/token");
    assert_eq!(post(&with_proxy, &url).await.expect("it answers").status(), 200);
    assert_eq!(proxy.connects(), [format!("{HOST}:443")]);
    assert!(!format!("{with_proxy:?}").contains(CANARY));

    for (status, cause) in [(407, "requires a user"), (403, "refused the connection")] {
        proxy.answer_with(status, CANARY);
        let error = post(&with_proxy, &url).await.expect_err(cause);
        assert_failure(&error, ErrorKind::Unreachable, "RC0551", cause);
    }
    let connects = proxy.connects().len();
    let bypassed = client(&[("HTTPS_PROXY", &login), ("NO_PROXY", ".example")]).build().expect("valid");
    let error = post(&bypassed, &url).await.expect_err("the name does not resolve");
    assert_failure(&error, ErrorKind::Unreachable, "RC0551", "cannot be resolved");
    assert_eq!(proxy.connects().len(), connects);
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_is_an_error_of_the_request() {
    let client = client(&[("HTTPS_PROXY", "socks5://bob:canary@proxy")]).build().expect("valid");
    let error = post(&client, "https://registry.example").await.expect_err("SOCKS");
    assert_failure(&error, ErrorKind::Invalid, "RC0012", "SOCKS5");
    let url = Url::new("http://127.0.0.1:1").expect("valid");
    let error = client.get(&url, &[]).await.expect_err("nothing listens");
    assert_failure(&error, ErrorKind::Unreachable, "RC0551", "the connection failed");
}
