//! Forwards requests to a real server. Bodies are streamed, and everything except the hop-by-hop headers is forwarded.

use std::{io, net::SocketAddr};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Uri, header},
    response::Response,
};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Headers that apply to one hop only.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Sends the request to `upstream` with the host name `host`, so that links in the answer point to that name.
pub(crate) async fn forward(upstream: SocketAddr, host: &str, request: Request) -> io::Result<Response> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = path.parse::<Uri>().map_err(io::Error::other)?;
    strip_hop(&mut parts.headers);
    parts.headers.insert(header::HOST, HeaderValue::from_str(host).map_err(io::Error::other)?);

    let socket = TcpStream::connect(upstream).await?;
    socket.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(io::Error::other)?;
    // The task ends with the body of the answer, because each connection serves one request.
    tokio::spawn(connection);
    let response = sender.send_request(Request::from_parts(parts, body)).await.map_err(io::Error::other)?;
    let mut response = response.map(Body::new);
    strip_hop(response.headers_mut());
    Ok(response)
}

/// Removes the hop-by-hop headers: the standard ones and those that `Connection` names.
fn strip_hop(headers: &mut HeaderMap) {
    let named = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named = named.flat_map(|names| names.split(',')).filter_map(|name| name.trim().parse::<HeaderName>().ok());
    for name in named.collect::<Vec<_>>() {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}
