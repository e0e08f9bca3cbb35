//! The URLs that a client may request.

use std::{fmt, net::IpAddr};

use http::{Uri, uri::PathAndQuery};
use regcred_core::{Error, Result};

use crate::codes;

/// The metadata servers of cloud machines. They use clear text, and requests to them never leave the machine.
const METADATA: [&str; 2] = ["metadata.google.internal", "169.254.169.254"];

/// A URL that is safe to send a secret to: HTTPS, or HTTP on the same machine. It has no user and no fragment.
///
/// `Display` shows the scheme, the host and the port, because a path or a query can contain a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    uri: Uri,
    is_metadata: bool,
}

impl Url {
    /// Parses a URL with `https`, or with `http` if its host is `localhost` or a loopback address.
    ///
    /// Returns [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) for any other text. The error does not quote
    /// it.
    pub fn new(text: &str) -> Result<Self> {
        let uri = parse(text)?;
        match uri.scheme_str() {
            Some("https") => Ok(Self { uri, is_metadata: false }),
            Some("http") if is_loopback(bare_host(&uri)) => Ok(Self { uri, is_metadata: false }),
            _ => Err(unusable("it is neither HTTPS nor on loopback")),
        }
    }

    /// Parses the URL of the metadata server of a cloud machine: HTTP to `metadata.google.internal` or
    /// `169.254.169.254`.
    ///
    /// Returns [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) for any other text.
    pub fn metadata(text: &str) -> Result<Self> {
        let uri = parse(text)?;
        let is_usual = matches!(uri.port_u16(), None | Some(80));
        if uri.scheme_str() == Some("http") && is_usual && METADATA.contains(&bare_host(&uri)) {
            return Ok(Self { uri, is_metadata: true });
        }
        Err(unusable("it is not a metadata server"))
    }

    /// Returns the same path and query at the server of another URL.
    #[must_use]
    pub fn at(&self, server: &Self) -> Self {
        let mut parts = server.uri.clone().into_parts();
        parts.path_and_query = Some(self.path_and_query());
        let uri = Uri::from_parts(parts).unwrap_or_else(|_| server.uri.clone());
        Self { uri, is_metadata: server.is_metadata }
    }

    /// Returns the host in lower case. An IPv6 address has no brackets.
    pub fn host(&self) -> String {
        bare_host(&self.uri).to_ascii_lowercase()
    }

    /// Returns the port. It is 443 or 80 if the URL has none.
    pub fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.scheme() == "https" { 443 } else { 80 })
    }

    /// Returns the host and the port, such as `quay.io:443`.
    pub fn host_and_port(&self) -> String {
        format!("{}:{}", self.uri.host().unwrap_or_default().to_ascii_lowercase(), self.port())
    }

    /// Returns the path, without the query.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// Returns whether requests to this URL never leave the machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(bare_host(&self.uri))
    }

    pub(crate) fn is_metadata(&self) -> bool {
        self.is_metadata
    }

    pub(crate) fn scheme(&self) -> &str {
        self.uri.scheme_str().unwrap_or_default()
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    fn path_and_query(&self) -> PathAndQuery {
        self.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.uri.authority().map(ToString::to_string).unwrap_or_default();
        write!(f, "{}://{authority}", self.scheme())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

fn parse(text: &str) -> Result<Uri> {
    let uri = text.parse::<Uri>().map_err(|_| unusable("it is not a URL"))?;
    let Some(authority) = uri.authority() else { return Err(unusable("it has no host")) };
    let has_port = authority.port_u16().is_some();
    if authority.as_str().contains('@') {
        Err(unusable("it has a user name"))
    } else if text.contains('#') {
        Err(unusable("it has a fragment"))
    } else if bare_host(&uri).is_empty() || (!has_port && authority.as_str() != authority.host()) {
        Err(unusable("its host or its port is not valid"))
    } else {
        Ok(uri)
    }
}

fn bare_host(uri: &Uri) -> &str {
    uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|it| it.to_canonical().is_loopback())
}

fn unusable(cause: &str) -> Error {
    Error::new(&codes::URL, "cannot use the URL").with_cause(cause)
}

#[cfg(test)]
mod tests {
    use regcred_core::ErrorKind;

    use super::*;

    #[test]
    fn https_and_loopback_are_accepted() {
        for (text, shown, server) in [
            ("https://Quay.io/a?b=c", "https://Quay.io", "quay.io:443"),
            ("https://r.example:8443", "https://r.example:8443", "r.example:8443"),
            ("http://localhost:1/x", "http://localhost:1", "localhost:1"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1", "127.0.0.1:1"),
            ("http://[::1]:1", "http://[::1]:1", "[::1]:1"),
        ] {
            let url = Url::new(text).expect(text);
            assert_eq!((url.to_string().as_str(), url.host_and_port().as_str()), (shown, server));
        }
    }

    #[test]
    fn other_urls_are_refused_and_not_quoted() {
        for text in [
            "",
            "canary",
            "/canary",
            "http://canary.example",
            "ftp://canary.example",
            "https://user:canary@r.example",
            "https://canary@r.example",
            "https://r.example/#canary",
            "https://r.example:canary",
            "https://r.example:99999/canary",
            "https://",
            "https://canary .example",
            "http://127.0.0.1.canary.example",
            "http://localhost.canary",
            "http://metadata.google.internal/canary",
            "http://169.254.169.254/canary",
        ] {
            let error = Url::new(text).expect_err(text);
            assert_eq!((error.kind(), error.code().id()), (ErrorKind::Invalid, "RC0555"));
            assert!(!error.chain().contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn only_known_metadata_servers_use_clear_text() {
        assert_eq!(Url::metadata("http://metadata.google.internal/a").expect("known").port(), 80);
        Url::metadata("http://169.254.169.254/a?b=c").expect("known");
        for text in [
            "http://metadata.google.internal.example/",
            "http://x.metadata.google.internal/",
            "http://metadata.google.internal:8080/",
            "http://user@metadata.google.internal/",
            "https://metadata.google.internal/",
            "http://169.254.170.2/",
            "http://127.0.0.1/",
        ] {
            Url::metadata(text).expect_err(text);
        }
    }

    #[test]
    fn a_path_moves_to_another_server_with_its_query() {
        let url = Url::metadata("http://169.254.169.254/a/b?c=d").expect("known");
        let moved = url.at(&Url::new("https://r.example:8443/ignored").expect("valid"));
        assert_eq!(moved.uri().to_string(), "https://r.example:8443/a/b?c=d");
        assert!(!moved.is_metadata());
    }
}
