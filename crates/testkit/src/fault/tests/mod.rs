//! Tests over the network with plain sockets. An HTTP client with retries would hide the faults.

mod answer;
mod tls;

use std::{io, time::Duration};

use axum::{body::Body, extract::Request, response::Response};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{Fault, FaultProxy};
use crate::server::Server;

/// The upstream's body for every request.
const BODY: &str = "0123456789";
const LONG_ENOUGH: Duration = Duration::from_millis(30);

async fn upstream() -> Server {
    Server::start(async |_: Request| Response::new(Body::from(BODY))).await
}

async fn connect(proxy: &FaultProxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.expect("the proxy listens")
}

/// Sends a request and leaves the answer unread.
async fn ask(stream: &mut (impl AsyncWrite + Unpin)) {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: upstream\r\n\r\n").await.expect("the connection is open");
    stream.flush().await.expect("the connection is open");
}

/// Reads one complete answer of the upstream, so that the connection is idle again.
async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(BODY.as_bytes()) {
        let read = stream.read_buf(&mut heard).await.expect("the answer comes");
        assert!(read > 0, "the answer ends early: {}", String::from_utf8_lossy(&heard));
    }
    String::from_utf8(heard).expect("the answer is text")
}

/// Reads to the end of the stream, and returns the bytes and how it ended.
async fn drain(stream: &mut (impl AsyncRead + Unpin)) -> (Vec<u8>, Result<(), io::ErrorKind>) {
    let mut heard = Vec::new();
    loop {
        match stream.read_buf(&mut heard).await {
            Ok(0) => return (heard, Ok(())),
            Ok(_) => {}
            Err(error) => return (heard, Err(error.kind())),
        }
    }
}

/// Returns whether neither a byte nor the end of the stream arrives.
async fn is_silent(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    timeout(LONG_ENOUGH, stream.read(&mut [0])).await.is_err()
}

#[tokio::test]
async fn without_a_fault_requests_share_a_connection_and_succeed() {
    let upstream = upstream().await;
    let proxy = FaultProxy::start(upstream.address()).await;
    let mut stream = connect(&proxy).await;
    for _ in 0..3 {
        ask(&mut stream).await;
        assert!(receive(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
    assert_eq!((proxy.connections(), proxy.requests()), (1, 3));
    assert_eq!(proxy.url(), format!("http://{}", proxy.address()));
}

#[tokio::test]
async fn a_dropped_proxy_closes_its_port_and_every_connection() {
    let upstream = upstream().await;
    let proxy = FaultProxy::start(upstream.address()).await;
    let address = proxy.address();
    let mut idle = connect(&proxy).await;
    ask(&mut idle).await;
    receive(&mut idle).await;
    proxy.set(Fault::BlackHole);
    let mut held = connect(&proxy).await;
    ask(&mut held).await;
    drop(proxy);
    assert_eq!(drain(&mut idle).await.0, b"");
    assert_eq!(drain(&mut held).await.0, b"");
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stopped_upstream_closes_the_connection() {
    let upstream = upstream().await;
    let proxy = FaultProxy::start(upstream.address()).await;
    drop(upstream);
    let mut stream = connect(&proxy).await;
    ask(&mut stream).await;
    assert_eq!(drain(&mut stream).await.0, b"");
}
