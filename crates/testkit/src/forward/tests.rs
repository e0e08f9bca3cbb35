use axum::{body::Body, extract::Request, response::Response};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::ForwardProxy;
use crate::{client::send, server::Server};

const PUBLIC: &str = "api.ecr-fips.us-east-1.amazonaws.com:443";

/// Starts a server that returns the request it received.
async fn target() -> Server {
    Server::start(async |request: Request| {
        let host = request.headers()["host"].to_str().expect("text").to_owned();
        Response::new(Body::from(format!("{} {} for {host}", request.method(), request.uri())))
    })
    .await
}

/// Requests a tunnel and reads up to the empty line after the proxy's answer.
async fn connect(proxy: &ForwardProxy) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(proxy.url().trim_start_matches("http://")).await.expect("the proxy listens");
    let request = format!("CONNECT {PUBLIC} HTTP/1.1\r\nhost: {PUBLIC}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the connection is open");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("the head is whole"));
    }
    (stream, String::from_utf8(head).expect("text"))
}

#[tokio::test]
async fn a_tunnel_leads_to_one_address_for_any_host() {
    let target = target().await;
    let proxy = ForwardProxy::start().await;
    proxy.tunnel_to(target.address());
    let (mut stream, head) = connect(&proxy).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    stream.write_all(b"GET /x HTTP/1.1\r\nhost: inside\r\nconnection: close\r\n\r\n").await.expect("it is open");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it ends properly");
    assert!(answer.ends_with("GET /x for inside"), "{answer}");
    assert_eq!((proxy.connects(), proxy.requests()), (vec![PUBLIC.to_owned()], Vec::new()));
}

#[tokio::test]
async fn a_plain_request_is_forwarded_to_the_same_address() {
    let target = target().await;
    let proxy = ForwardProxy::start().await;
    proxy.tunnel_to(target.address());
    let reply = send(&proxy.url(), "GET", "http://sts.amazonaws.com/x?y=1", &[], "").await;
    assert_eq!((reply.status, reply.text()), (200, "GET /x?y=1 for sts.amazonaws.com"));
    assert_eq!(send(&proxy.url(), "GET", "/x", &[], "").await.status, 400);
    assert_eq!(proxy.requests(), ["GET http://sts.amazonaws.com/x?y=1", "GET /x"]);
    assert!(proxy.connects().is_empty());
}

#[tokio::test]
async fn tunnels_and_plain_requests_get_the_same_refusal() {
    let proxy = ForwardProxy::start().await;
    for (status, challenge) in [(407, "Basic realm=\"proxy\""), (403, ""), (502, "")] {
        proxy.answer_with(status, "<html>");
        let reply = send(&proxy.url(), "GET", "http://sts.amazonaws.com/", &[], "").await;
        assert_eq!((reply.status, reply.header("content-type"), reply.text()), (status, "text/html", "<html>"));
        assert_eq!(reply.header("proxy-authenticate"), challenge);
        let (_, head) = connect(&proxy).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    }
    assert_eq!(proxy.connects().len(), 3);
}

#[tokio::test]
async fn a_proxy_can_answer_200_with_a_page_instead_of_a_tunnel() {
    let proxy = ForwardProxy::start().await;
    proxy.answer_with(200, "<html>sign in</html>");
    let (mut stream, head) = connect(&proxy).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let mut page = String::new();
    stream.read_to_string(&mut page).await.expect("it ends properly");
    assert_eq!(page, "<html>sign in</html>");
    assert_eq!(send(&proxy.url(), "GET", "http://sts.amazonaws.com/", &[], "").await.text(), page);
}

#[tokio::test]
async fn a_proxy_without_a_target_or_with_a_closed_target_answers_502() {
    let proxy = ForwardProxy::start().await;
    assert!(connect(&proxy).await.1.starts_with("HTTP/1.1 502 "));
    let target = target().await;
    proxy.tunnel_to(target.address());
    drop(target);
    // The port closes only when the task of the server runs.
    while !connect(&proxy).await.1.starts_with("HTTP/1.1 502 ") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_dropped_proxy_closes_its_tunnels() {
    let target = target().await;
    let proxy = ForwardProxy::start().await;
    proxy.tunnel_to(target.address());
    let (mut stream, _) = connect(&proxy).await;
    drop(proxy);
    assert!(!matches!(stream.read(&mut [0]).await, Ok(read) if read > 0));
}
