//! Requests that never end, to the endpoint of the daemon.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::Result;

use crate::process::pause;

const CONNECTIONS: usize = 700;
/// Half of the header size that the daemon reads.
const HEADER: usize = 8_000;
/// A connection that the daemon has closed is reopened within this time.
const AGAIN: Duration = Duration::from_secs(5);

/// Keeps a number of half-open requests until `is_over` returns true. Returns the number of connections that this took.
pub(super) fn keep(address: &str, is_over: impl Fn() -> bool) -> Result<usize> {
    let (mut open, mut count) = (Vec::<TcpStream>::new(), 0);
    while !is_over() {
        open.retain(is_open);
        while open.len() < CONNECTIONS {
            open.push(half_open(address)?);
            count += 1;
        }
        pause(AGAIN);
    }
    Ok(count)
}

fn half_open(address: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nonblocking(true)?;
    // The daemon may have closed it already.
    let _ = write!(stream, "GET /metrics HTTP/1.1\r\nHost: regcred\r\nX-Long: {}", "x".repeat(HEADER));
    Ok(stream)
}

fn is_open(mut stream: &TcpStream) -> bool {
    matches!(stream.read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}
