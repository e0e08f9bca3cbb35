use axum::body::to_bytes;
use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;
use crate::client::{Reply, send};

const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

/// Starts a registry that returns the request it received. `/gone` redirects.
async fn registry() -> (Server, SocketAddr) {
    let server = Server::start(async |request: Request| {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("the body comes through");
        let mut names = parts.headers.keys().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
        names.sort();
        let told = json!({
            "method": parts.method.as_str(),
            "target": parts.uri.to_string(),
            "host": parts.headers["host"].to_str().expect("text"),
            "headers": names,
            "length": body.len(),
        });
        let status = if parts.uri.path() == "/gone" { 307 } else { 202 };
        let location = format!("http://{}/v2/next", parts.headers["host"].to_str().expect("text"));
        Response::builder()
            .status(status)
            .header("location", location)
            .header("docker-content-digest", "sha256:00")
            .body(Body::from(told.to_string()))
            .expect("valid")
    })
    .await;
    let address = server.url().strip_prefix("http://").expect("plain").parse().expect("an address");
    (server, address)
}

fn basic(password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("AWS:{password}")))
}

async fn get(proxy: &CheckingProxy, host: &str, authorization: Option<&str>) -> Reply {
    let headers = authorization.map(|value| ("authorization", value));
    send(&proxy.url(), "GET", &format!("http://{host}/v2/"), headers.as_slice(), "").await
}

#[tokio::test]
async fn a_valid_login_is_forwarded_without_the_login() {
    let (_registry, upstream) = registry().await;
    let proxy = CheckingProxy::start(upstream).await;
    proxy.accept(HOST, "AWS", "right");
    let body = "x".repeat(300_000);
    let headers = [
        ("authorization", &*basic("right")),
        ("proxy-authorization", "Basic eDp5"),
        ("proxy-connection", "keep-alive"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("content-type", "application/octet-stream"),
    ];
    let target = format!("http://{HOST}/v2/app/blobs/uploads/?digest=sha256%3A00");
    let reply = send(&proxy.url(), "PATCH", &target, &headers, &body).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    let told = reply.json();
    assert_eq!((&told["method"], &told["host"], &told["length"]), (&json!("PATCH"), &json!(HOST), &json!(300_000)));
    assert_eq!(told["target"], "/v2/app/blobs/uploads/?digest=sha256%3A00");
    assert_eq!(told["headers"], json!(["content-length", "content-type", "host"]));
    assert_eq!(reply.header("location"), format!("http://{HOST}/v2/next"));
    assert_eq!(reply.header("docker-content-digest"), "sha256:00");
    let redirect = send(&proxy.url(), "GET", &format!("http://{HOST}/gone"), &headers[..1], "").await;
    assert_eq!(redirect.status, 307);
    assert_eq!(
        proxy.requests(),
        [(HOST.into(), "/v2/app/blobs/uploads/".into(), 202), (HOST.into(), "/gone".into(), 307)]
    );
}

#[tokio::test]
async fn any_other_login_is_refused() {
    let (_registry, upstream) = registry().await;
    let proxy = CheckingProxy::start(upstream).await;
    proxy.accept(HOST, "AWS", "right");
    proxy.accept("other.example", "AWS", "other");
    proxy.accept_until("late.example", "AWS", "right", now());
    for (host, login, status, code) in [
        (HOST, None, 401, "UNAUTHORIZED"),
        (HOST, Some(basic("wrong")), 401, "UNAUTHORIZED"),
        (HOST, Some(basic("other")), 401, "UNAUTHORIZED"),
        ("late.example", Some(basic("right")), 401, "DENIED"),
        ("unknown.example", Some(basic("right")), 403, "DENIED"),
    ] {
        let reply = get(&proxy, host, login.as_deref()).await;
        assert_eq!((reply.status, &reply.json()["errors"][0]["code"]), (status, &json!(code)), "{host}");
        if status == 401 {
            assert_eq!(reply.header("www-authenticate"), "Basic realm=\"ecr\"");
            assert_eq!(reply.header("docker-distribution-api-version"), "registry/2.0");
        }
    }
    assert_eq!(get(&proxy, "other.example", Some(&basic("other"))).await.status, 202);
    assert!(!format!("{proxy:?}").contains("right"));
}

#[tokio::test]
async fn a_host_may_come_from_the_host_header() {
    let (_registry, upstream) = registry().await;
    let proxy = CheckingProxy::start(upstream).await;
    proxy.accept(HOST, "AWS", "right");
    let headers = |password: &str| [("host", HOST.to_owned()), ("authorization", basic(password))];
    for (password, status) in [("right", 202), ("wrong", 401)] {
        let headers = headers(password);
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(send(&proxy.url(), "GET", "/v2/", &headers, "").await.status, status);
    }
    assert_eq!(proxy.requests()[0], (HOST.into(), "/v2/".into(), 202));
}

#[tokio::test]
async fn tunnels_and_requests_to_the_proxy_itself_are_refused() {
    let (_registry, upstream) = registry().await;
    let proxy = CheckingProxy::start(upstream).await;
    proxy.accept(HOST, "AWS", "right");
    let reply = send(&proxy.url(), "CONNECT", &format!("{HOST}:443"), &[], "").await;
    assert_eq!(reply.status, 405);
    let reply = send(&proxy.url(), "GET", "/v2/", &[("authorization", &basic("right"))], "").await;
    assert_eq!(reply.status, 403);
}

#[tokio::test]
async fn a_stopped_registry_is_a_bad_gateway() {
    let (registry, upstream) = registry().await;
    let proxy = CheckingProxy::start(upstream).await;
    proxy.accept(HOST, "AWS", "right");
    drop(registry);
    while tokio::net::TcpStream::connect(upstream).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(get(&proxy, HOST, Some(&basic("right"))).await.status, 502);
}
