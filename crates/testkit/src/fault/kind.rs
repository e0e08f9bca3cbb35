//! The faults that the proxy can inject.

use std::time::Duration;

/// A fault in an answer. With TLS, all faults except the two handshake faults happen inside the TLS stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// No fault. Every byte is forwarded.
    #[default]
    None,
    /// The first byte of the answer is delayed by this time.
    Delay(Duration),
    /// A new connection is closed immediately. An open connection is closed at its next request.
    Refuse,
    /// The connection is reset (RST) when the request begins. The upstream gets no request.
    Reset,
    /// The request is read and never answered, and the connection stays open. The upstream gets no request.
    BlackHole,
    /// The answer, including its head, is cut after this many bytes. The connection is closed normally.
    Truncate(usize),
    /// The answer, including its head, is cut after this many bytes. The connection is reset (RST).
    ResetAfter(usize),
    /// The client gets bytes that are not HTTP, and a normal close. The upstream gets no request.
    Garbage,
    /// The proxy answers by itself, as a load balancer does, and closes the connection. The upstream gets no request.
    Answer {
        /// HTTP status.
        status: u16,
        /// The `Content-Type` header.
        content_type: String,
        /// More headers. A `Content-Length` here is sent unchanged, even if it is wrong.
        headers: Vec<(String, String)>,
        /// The whole body.
        body: String,
    },
    /// The head of the answer is sent immediately. The body is sent in pieces, with a pause before each piece.
    SlowBody {
        /// The size of a piece in bytes, at least 1.
        bytes: usize,
        /// The pause before each piece.
        every: Duration,
    },
    /// The client gets garbage instead of the `ServerHello`. An open connection is closed at its next request, so that
    /// the new connection gets the fault. Without TLS, the first request gets the garbage.
    BadHandshake,
    /// The handshake is never answered, and the connection stays open. An open connection is closed at its next
    /// request, so that the new connection gets the fault. Without TLS, the first request gets no answer.
    SilentHandshake,
}

impl Fault {
    /// Returns a [`Fault::Answer`] without additional headers.
    pub fn answer(status: u16, content_type: &str, body: &str) -> Self {
        Self::Answer { status, content_type: content_type.to_owned(), headers: Vec::new(), body: body.to_owned() }
    }
}
