//! Connections to the endpoint: how many are open, for how long, and which one is closed first.
//!
//! The port is open to other pods, so untrusted clients may connect. The endpoint shares its thread, memory and file
//! descriptors with the engine. This module limits the use of each.

use std::{
    cmp::Reverse,
    collections::HashMap,
    io::{Error, ErrorKind, Result},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::sleep,
};
use tracing::warn;

/// The most connections that are open at once.
///
/// The kubelet and two replicas of Prometheus need four. With [`BUFFER`], 64 clients hold 1 MiB.
const LIMIT: usize = 64;

/// The largest size of a request's headers, in bytes. A larger request gets the status 431.
///
/// The kubelet sends about 200 bytes, and Prometheus about 500. The bearer tokens of a service mesh have a few
/// thousand.
const BUFFER: usize = 16 * 1024;

/// The longest time in which a client may send its headers, counted from the start of the connection.
///
/// The kubelet gives up after one second. Five seconds allow for one lost packet, and for two retransmissions of it.
const HEADERS: Duration = Duration::from_secs(5);

/// The longest time that a connection may be open.
///
/// A client has [`HEADERS`] to send the request, and ten seconds to read the answer. Prometheus gives up after ten
/// seconds by default.
const LIFETIME: Duration = Duration::from_secs(15);

/// The pause after an error of the process, such as `EMFILE`.
///
/// The connection stays in the kernel's queue, so `accept` would return the same error immediately. Axum pauses for the
/// same time.
const PAUSE: Duration = Duration::from_secs(1);

/// The number of connections that the kernel queues until they are accepted.
///
/// If this queue is full, the kernel drops new connections. A client then retries after a second, which is too late for
/// a probe. A client that connects as fast as it can fills the default queue, 128, in a few milliseconds.
const QUEUE: u32 = 1024;

/// An open connection.
struct Open {
    peer: IpAddr,
    /// Closes the connection when it is dropped.
    keep: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Listens at an address.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restarted daemon can then bind while old connections are in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(QUEUE)
}

/// Accepts connections and answers them. Never returns.
///
/// A new connection is always accepted. If the endpoint refused the kubelet's probes, the kubelet would restart the
/// daemon. [`first_to_close`] decides which open connection makes room.
pub(super) async fn accept(listener: TcpListener, router: Router) {
    // In the order in which they were accepted.
    let mut open = Vec::<Open>::with_capacity(LIMIT);
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok((stream, address)) => (stream, address.ip()),
            Err(error) if is_of_the_client(&error) => continue,
            Err(error) => {
                warn!(%error, "cannot accept connection");
                sleep(PAUSE).await;
                continue;
            }
        };
        open.retain(|it| !it.task.is_finished());
        if open.len() == LIMIT {
            let peers = open.iter().map(|it| it.peer).collect::<Vec<_>>();
            let Open { keep, task, .. } = open.remove(first_to_close(&peers, peer));
            drop(keep);
            // The await frees the file descriptor, and lets the other connections make progress.
            drop(task.await);
        }
        let (keep, kept) = oneshot::channel();
        let task = tokio::spawn(serve(stream, router.clone(), kept));
        open.push(Open { peer, keep, task });
    }
}

/// Whether the client caused the error. Such an error affects only its connection.
fn is_of_the_client(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
}

/// Returns the index of the connection that is closed to make room for one from `new`.
///
/// It is the oldest connection of the address with the most connections. A client with many connections therefore
/// closes its own, however fast it opens them. The kubelet and Prometheus have one or two.
///
/// `peers`: the addresses of the open connections, the oldest first. There is at least one.
fn first_to_close(peers: &[IpAddr], new: IpAddr) -> usize {
    let mut counts = HashMap::<IpAddr, usize>::new();
    for peer in peers.iter().chain([&new]) {
        *counts.entry(*peer).or_default() += 1;
    }
    (0..peers.len()).max_by_key(|&place| (counts[&peers[place]], Reverse(place))).unwrap_or_default()
}

/// Answers one connection.
async fn serve(stream: TcpStream, router: Router, kept: oneshot::Receiver<()>) {
    if let Some(stream) = answer(stream, router, kept).await {
        // A reset, so that the kernel keeps no unread answer for this client.
        drop(stream.set_zero_linger());
    }
}

/// Answers one HTTP/1 request.
///
/// Returns the stream if the connection took too long, or if another connection took its place (`kept` is closed).
///
/// A connection serves only one request, so it is never idle between two requests. The kubelet opens a new connection
/// for each probe, and Prometheus scrapes twice a minute.
async fn answer<S>(stream: S, router: Router, kept: oneshot::Receiver<()>) -> Option<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(BUFFER)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::select! {
        // The client caused the error, so no log reports it.
        _ = &mut connection => return None,
        () = sleep(LIFETIME) => {}
        _ = kept => {}
    }
    Some(connection.into_parts().io.into_inner())
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        time::Instant,
    };

    use super::*;

    /// More bytes than all buffers between server and client hold.
    const LONG: usize = 1 << 20;

    /// Returns a client, the server's task, and the sender that keeps the connection open.
    fn connect() -> (DuplexStream, JoinHandle<Option<DuplexStream>>, oneshot::Sender<()>) {
        let router = Router::new().route("/", get(async || "ok\n")).route("/long", get(async || "x".repeat(LONG)));
        let (client, server) = duplex(1024);
        let (keep, kept) = oneshot::channel();
        (client, tokio::spawn(answer(server, router, kept)), keep)
    }

    async fn answer_to(client: &mut DuplexStream, request: &str) -> String {
        client.write_all(request.as_bytes()).await.expect("it is read");
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("text");
        answer
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_and_a_half_open_request_are_closed_after_five_seconds() {
        for sent in ["", "GET / HTTP/1.1\r\nHost: a\r\n"] {
            let (mut client, server, _keep) = connect();
            let begin = Instant::now();
            answer_to(&mut client, sent).await;
            assert_eq!(begin.elapsed().as_secs(), HEADERS.as_secs(), "{sent:?}");
            assert!(server.await.expect("it ends").is_none());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_that_is_sent_byte_by_byte_does_not_extend_the_time() {
        let (mut client, server, _keep) = connect();
        let begin = Instant::now();
        for byte in "GET / HTTP/1.1\r\nHost: a\r\n".bytes() {
            sleep(Duration::from_secs(1)).await;
            if client.write_all(&[byte]).await.is_err() {
                break;
            }
        }
        server.await.expect("it ends");
        assert!(begin.elapsed() < HEADERS * 2, "{:?}", begin.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_its_answer_is_closed() {
        let (mut client, server, _keep) = connect();
        let begin = Instant::now();
        client.write_all(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("it is read");
        assert!(server.await.expect("it ends").is_some(), "it is cut off");
        assert_eq!(begin.elapsed().as_secs(), LIFETIME.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_body_that_never_arrives_holds_no_connection() {
        let (mut client, server, _keep) = connect();
        let begin = Instant::now();
        let answer = answer_to(&mut client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
        server.await.expect("it ends");
        assert!(begin.elapsed() <= LIFETIME);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_closed_after_its_answer() {
        let (mut client, server, _keep) = connect();
        let twice = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2);
        let answer = answer_to(&mut client, &twice).await;
        assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 1, "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(server.await.expect("it ends").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_evicted_connection_is_closed_at_once() {
        let (_client, server, keep) = connect();
        let begin = Instant::now();
        drop(keep);
        assert!(server.await.expect("it ends").is_some(), "it is cut off");
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }

    #[test]
    fn the_address_with_the_most_connections_loses_its_oldest() {
        let [a, b, c] = [1, 2, 3].map(|last| IpAddr::from([10, 0, 0, last]));
        for (peers, new, closed) in [
            (&[a, b, b, a, b][..], a, 0), // three each
            (&[a, b, b, a, b], b, 1),
            (&[a, b, b, a, b], c, 1),
            (&[a, b, c], a, 0),
            (&[c, a, b], a, 1),
            (&[a, b], c, 0), // one each: the oldest of all
            (&[a], a, 0),
        ] {
            assert_eq!(first_to_close(peers, new), closed, "{peers:?} and {new}");
        }
    }
}
