//! One answer on its way through the proxy.

use std::io;

use tokio::time::sleep;

use super::{
    kind::Fault,
    wire::{Wire, send_bytes},
};

/// An answer and its fault, from the start of the request.
#[derive(Debug)]
pub(super) struct Passage {
    fault: Fault,
    /// The number of bytes forwarded so far.
    passed: usize,
    head: Head,
}

/// The next step for the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Continue,
    Close,
    Reset,
}

impl Passage {
    pub(super) fn new(fault: Fault) -> Self {
        Self { fault, passed: 0, head: Head::default() }
    }

    /// Returns whether part of the answer has arrived. If so, new bytes from the client are another request.
    pub(super) fn began(&self) -> bool {
        self.passed > 0
    }

    /// Forwards the next bytes of the answer, as far as the fault allows.
    pub(super) async fn pass(&mut self, client: &mut impl Wire, bytes: &[u8]) -> io::Result<Next> {
        match self.fault {
            Fault::Truncate(limit) if self.passed + bytes.len() >= limit => {
                send_bytes(client, &bytes[..limit - self.passed]).await?;
                return Ok(Next::Close);
            }
            Fault::ResetAfter(limit) if self.passed + bytes.len() >= limit => {
                send_bytes(client, &bytes[..limit - self.passed]).await?;
                return Ok(Next::Reset);
            }
            Fault::SlowBody { bytes: size, every } => {
                let (head, body) = bytes.split_at(self.head.length(bytes));
                send_bytes(client, head).await?;
                for piece in body.chunks(size.max(1)) {
                    sleep(every).await;
                    send_bytes(client, piece).await?;
                }
            }
            Fault::Delay(delay) => {
                if !self.began() {
                    sleep(delay).await;
                }
                send_bytes(client, bytes).await?;
            }
            _ => send_bytes(client, bytes).await?,
        }
        self.passed += bytes.len();
        Ok(Next::Continue)
    }
}

/// How much of the empty line after the head has arrived.
#[derive(Debug, Default)]
struct Head(usize);

impl Head {
    const END: &[u8] = b"\r\n\r\n";

    /// Returns how many of these bytes belong to the head.
    fn length(&mut self, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            if self.0 == Self::END.len() {
                return at;
            }
            self.0 = if *byte == Self::END[self.0] { self.0 + 1 } else { usize::from(*byte == Self::END[0]) };
        }
        bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_an_empty_line_for_any_chunks() {
        for (pieces, lengths) in [
            (&["a\r\nb\r\n\r\nbody"][..], &[8][..]),
            (&["a\r\n", "\r", "\nbo", "dy"], &[3, 1, 1, 0]),
            (&["a\r\r\n\r\n", "\r\n\r\n"], &[6, 0]),
            (&["a\r\n\r\n"], &[5]),
        ] {
            let mut head = Head::default();
            let found = pieces.iter().map(|piece| head.length(piece.as_bytes())).collect::<Vec<_>>();
            assert_eq!(found, lengths, "{pieces:?}");
        }
    }
}
