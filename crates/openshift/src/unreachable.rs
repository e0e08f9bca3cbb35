//! Finds why a server was not reached, from the errors of the layers below. The result quotes nothing of them.

use std::{error::Error, io, iter};

use rustls::{CertificateError, Error as TlsError};

/// Why there was no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The certificate of the server is not valid for it.
    Untrusted(&'static str),
    /// The network, a proxy, or TLS.
    Network(String),
    Unknown,
}

/// Returns the first known cause among an error and its sources.
pub(crate) fn cause(error: &(dyn Error + 'static)) -> Cause {
    let is_proxied = chain(error).any(|it| it.to_string().starts_with("tunnel error"));
    let place = if is_proxied { " by the proxy" } else { "" };
    for error in chain(error) {
        if let Some(error) = error.downcast_ref::<TlsError>() {
            return tls(error);
        }
        let why = match error.to_string().as_str() {
            // Fixed texts of hyper-util, whose types are private.
            "dns error" if is_proxied => Some("no such host as the proxy"),
            "dns error" => Some("no such host"),
            "tunnel error: proxy authorization required" => Some("the proxy requires credentials (HTTP 407)"),
            "tunnel error: unsuccessful" => Some("the proxy refused to connect"),
            "tunnel error: unexpected end of file" => Some("the proxy closed the connection"),
            _ => None,
        };
        let why = why.or_else(|| http(error.downcast_ref::<hyper::Error>()?));
        if let Some(why) = why {
            return Cause::Network(why.into());
        }
        if let Some(why) = error.downcast_ref::<io::Error>().and_then(|error| network(error.kind())) {
            return Cause::Network(format!("{why}{place}"));
        }
    }
    Cause::Unknown
}

fn http(error: &hyper::Error) -> Option<&'static str> {
    match () {
        () if error.is_incomplete_message() => Some("connection closed without an answer"),
        () if error.is_parse() => Some("the answer is not HTTP"),
        () => None,
    }
}

fn network(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => "connection refused",
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "connection reset",
        io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof => "connection closed",
        io::ErrorKind::TimedOut => "timed out",
        io::ErrorKind::HostUnreachable => "no route to the host",
        io::ErrorKind::NetworkUnreachable => "no route to the network",
        io::ErrorKind::AddrNotAvailable => "no address to connect from",
        _ => return None,
    })
}

fn tls(error: &TlsError) -> Cause {
    use CertificateError as Bad;
    match error {
        TlsError::InvalidCertificate(bad) => Cause::Untrusted(match bad {
            Bad::UnknownIssuer => "it is signed by an unknown authority",
            Bad::Expired | Bad::ExpiredContext { .. } => "it has expired",
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => "it is not valid yet: check the clock of this machine",
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => "it is for another host name",
            Bad::Revoked => "it is revoked",
            Bad::BadSignature => "its signature is wrong",
            Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => "it is not for servers",
            _ => "it is not valid",
        }),
        TlsError::NoCertificatesPresented => Cause::Untrusted("there is none"),
        TlsError::AlertReceived(_) => Cause::Network("the server refused the TLS handshake".into()),
        TlsError::InvalidMessage(_) => Cause::Network("the server does not speak TLS".into()),
        _ => Cause::Network("the TLS handshake failed".into()),
    }
}

/// Returns an error and its sources. `source` skips the error inside of an [`io::Error`].
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error = *error;
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.map(|it| it as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_known_error_is_reported() {
        let tls = |error: TlsError| io::Error::other(io::Error::other(error));
        for (error, expected) in [
            (io::Error::from(io::ErrorKind::ConnectionRefused), Cause::Network("connection refused".into())),
            (io::Error::other(io::Error::from(io::ErrorKind::TimedOut)), Cause::Network("timed out".into())),
            (tls(TlsError::InvalidCertificate(CertificateError::Expired)), Cause::Untrusted("it has expired")),
            (
                tls(TlsError::InvalidCertificate(CertificateError::UnknownIssuer)),
                Cause::Untrusted("it is signed by an unknown authority"),
            ),
            (io::Error::other("canary"), Cause::Unknown),
        ] {
            assert_eq!(cause(&error), expected, "{error:?}");
        }
    }
}
