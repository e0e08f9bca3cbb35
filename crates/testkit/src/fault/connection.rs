//! One proxied connection. Requests go to the upstream, and each answer gets its fault.

use std::{fmt::Write, future::pending, io, net::SocketAddr};

use axum::http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

use super::{
    kind::Fault,
    passage::{Next, Passage},
    shared::Shared,
    wire::{Wire, close, reset, send_bytes, swallow},
};

/// Bytes that are neither HTTP nor TLS.
const GARBAGE: &[u8] = b"\x00\x01\xfe\xff these bytes are no protocol\r\n\r\n";
const BUFFER: usize = 16 * 1024;

/// Serves a connection until it ends. Errors come from the sockets, and the caller can ignore them.
pub(super) async fn serve(
    client: TcpStream,
    upstream: SocketAddr,
    tls: Option<TlsAcceptor>,
    shared: &Shared,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    if let Some(fault) = shared.take_for_connection() {
        return instead(fault, client).await;
    }
    match tls {
        Some(tls) => pump(tls.accept(client).await?, upstream, shared).await,
        None => pump(client, upstream, shared).await,
    }
}

async fn pump(mut client: impl Wire, upstream: SocketAddr, shared: &Shared) -> io::Result<()> {
    let mut server = None;
    let mut passage = None;
    let (mut asked, mut told) = (vec![0; BUFFER], vec![0; BUFFER]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let asked = &asked[..read?];
                if asked.is_empty() {
                    return Ok(());
                }
                // Bytes after an answer belong to the next request.
                if passage.as_ref().is_none_or(Passage::began) {
                    match shared.take_for_request() {
                        fault if reaches_upstream(&fault) => passage = Some(Passage::new(fault)),
                        fault => return instead(fault, client).await,
                    }
                }
                let server = match &mut server {
                    Some(server) => server,
                    None => server.insert(connect(upstream).await?),
                };
                server.write_all(asked).await?;
            }
            read = read(&mut server, &mut told) => {
                let told = &told[..read?];
                if told.is_empty() {
                    return close(client).await;
                }
                let passage = passage.get_or_insert_with(|| Passage::new(Fault::None));
                match passage.pass(&mut client, told).await? {
                    Next::Continue => {}
                    Next::Close => return close(client).await,
                    Next::Reset => return reset(client),
                }
            }
        }
    }
}

async fn connect(upstream: SocketAddr) -> io::Result<TcpStream> {
    let server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    Ok(server)
}

/// Reads from the upstream. Never returns if there is no upstream connection yet.
async fn read(server: &mut Option<TcpStream>, told: &mut [u8]) -> io::Result<usize> {
    match server {
        Some(server) => server.read(told).await,
        None => pending().await,
    }
}

/// Returns whether a request with this fault is sent to the upstream.
fn reaches_upstream(fault: &Fault) -> bool {
    match fault {
        Fault::None | Fault::Delay(_) | Fault::Truncate(_) | Fault::ResetAfter(_) | Fault::SlowBody { .. } => true,
        Fault::Refuse
        | Fault::Reset
        | Fault::BlackHole
        | Fault::Garbage
        | Fault::Answer { .. }
        | Fault::BadHandshake
        | Fault::SilentHandshake => false,
    }
}

/// Applies a fault that replaces the answer of the upstream.
async fn instead(fault: Fault, mut client: impl Wire) -> io::Result<()> {
    match fault {
        Fault::Reset => reset(client),
        Fault::BlackHole | Fault::SilentHandshake => {
            swallow(&mut client).await?;
            // A client that has only closed its sending side gets no answer either.
            pending().await
        }
        Fault::BadHandshake => {
            // Wait for the first bytes of the client, as a server would.
            if client.read(&mut vec![0; BUFFER]).await? == 0 {
                return Ok(());
            }
            send_bytes(&mut client, GARBAGE).await?;
            close(client).await
        }
        Fault::Garbage => {
            send_bytes(&mut client, GARBAGE).await?;
            close(client).await
        }
        Fault::Answer { status, content_type, headers, body } => {
            send_bytes(&mut client, render(status, &content_type, &headers, &body).as_bytes()).await?;
            close(client).await
        }
        Fault::Refuse
        | Fault::None
        | Fault::Delay(_)
        | Fault::Truncate(_)
        | Fault::ResetAfter(_)
        | Fault::SlowBody { .. } => Ok(()),
    }
}

fn render(status: u16, content_type: &str, headers: &[(String, String)], body: &str) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    let mut answer = format!("HTTP/1.1 {status} {reason}\r\ncontent-type: {content_type}\r\nconnection: close\r\n");
    // Writing to a `String` cannot fail.
    for (name, value) in headers {
        let _ = write!(answer, "{name}: {value}\r\n");
    }
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        let _ = write!(answer, "content-length: {}\r\n", body.len());
    }
    answer + "\r\n" + body
}
