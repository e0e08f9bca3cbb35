//! The faults that a proxy can make.

use std::time::Duration;

/// A fault of an answer. With TLS, all faults but the two of the handshake happen inside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: every byte goes through.
    #[default]
    None,
    /// The first byte of the answer is late by this time.
    Delay(Duration),
    /// A new connection is closed at once, an open one at its next request.
    Refuse,
    /// The connection is reset (RST) once the request begins. The upstream is not asked.
    Reset,
    /// The request is read and never answered, and the connection stays open. The upstream is not asked.
    BlackHole,
    /// The answer ends after this number of bytes, with its head, in a proper close.
    Truncate(usize),
    /// The answer ends after this number of bytes, with its head, in a reset (RST).
    ResetAfter(usize),
    /// Bytes that are no HTTP, then a proper close. The upstream is not asked.
    Garbage,
    /// The proxy's own answer, as a load balancer gives it, then a proper close. The upstream is not asked.
    Answer {
        /// HTTP status.
        status: u16,
        /// The `Content-Type` header.
        content_type: String,
        /// More headers. A `Content-Length` among them is sent as it is, true or not.
        headers: Vec<(String, String)>,
        /// The whole body.
        body: String,
    },
    /// The head of the answer comes at once. Its body comes in pieces, with a pause before each.
    SlowBody {
        /// The size of a piece, at least 1.
        bytes: usize,
        /// The pause.
        every: Duration,
    },
    /// Garbage where the `ServerHello` is due. An open connection is closed at its next request, so that a new one meets
    /// this. Without TLS the first request gets it.
    BadHandshake,
    /// The handshake is never answered, and the connection stays open. An open connection is closed at its next request,
    /// so that a new one meets this. Without TLS the first request gets it.
    SilentHandshake,
}

impl Fault {
    /// A [`Fault::Answer`] without more headers.
    pub fn answer(status: u16, content_type: &str, body: &str) -> Self {
        Self::Answer { status, content_type: content_type.to_owned(), headers: Vec::new(), body: body.to_owned() }
    }
}
