//! The client's end of a connection, with or without TLS, and the ways to end it.

use std::io;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

/// A stream that can be reset.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {
    fn socket(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Wire for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

pub(super) async fn send_bytes(wire: &mut impl Wire, bytes: &[u8]) -> io::Result<()> {
    wire.write_all(bytes).await?;
    wire.flush().await
}

/// Closes a connection normally. It reads what the client still sends, because closing a socket with unread bytes sends
/// a reset. The reset could overtake the answer.
pub(super) async fn close(mut wire: impl Wire) -> io::Result<()> {
    wire.shutdown().await?;
    swallow(&mut wire).await
}

/// Reads until the client disconnects.
pub(super) async fn swallow(wire: &mut impl Wire) -> io::Result<()> {
    let mut unread = vec![0; 16 * 1024];
    while wire.read(&mut unread).await? > 0 {}
    Ok(())
}

/// Resets a connection.
pub(super) fn reset(wire: impl Wire) -> io::Result<()> {
    wire.socket().set_zero_linger()?;
    drop(wire);
    Ok(())
}
