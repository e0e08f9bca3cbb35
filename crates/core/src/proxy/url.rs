//! The URL of a proxy.

use std::{fmt, net::Ipv6Addr};

use secrecy::{ExposeSecret, SecretString};

use crate::{Error, Result, codes};

/// The URL of an HTTP proxy: `http` or `https`, a host and a port, with an optional user.
#[derive(Clone)]
pub struct ProxyUrl {
    /// The URL without the user.
    url: String,
    user: Option<(String, SecretString)>,
}

impl ProxyUrl {
    /// Parses a URL. `place` names the variable or the field in errors, which never quote the value.
    ///
    /// Returns [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if it has no scheme, if the scheme is not `http` or `https`, or if it is not a
    /// URL.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(refused(place, format!("it has no scheme: {EXAMPLE}")));
        };
        let scheme = scheme.to_ascii_lowercase();
        if let Some(version) = scheme.strip_prefix("socks") {
            let protocol = format!("SOCKS{}", version.to_ascii_uppercase());
            let protocol = if is_plain(&protocol) { protocol } else { "SOCKS".into() };
            return Err(refused(place, format!("regcred does not support {protocol} proxies: {EXAMPLE}")));
        }
        let default = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return Err(refused(place, format!("its protocol is neither HTTP nor HTTPS: {EXAMPLE}"))),
        };
        let invalid = || refused(place, format!("it is not a URL: {EXAMPLE}"));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, server) = match authority.rsplit_once('@') {
            Some((user, server)) => (Some(user_info(user).ok_or_else(invalid)?), server),
            None => (None, authority),
        };
        let (host, port) = split(server).ok_or_else(invalid)?;
        let port = match port {
            "" => default,
            port => port.parse::<u16>().map_err(|_| invalid())?,
        };
        Ok(Self { url: format!("{scheme}://{host}:{port}"), user })
    }

    /// Parses a URL whose scheme may be missing. The default is `http`.
    pub(super) fn parse_lenient(text: &str, place: &str) -> Result<Self> {
        if text.contains("://") { Self::parse(text, place) } else { Self::parse(&format!("http://{text}"), place) }
    }

    /// Returns the URL without the user: scheme, host and port.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Returns the user and the password, decoded. `None`: the URL has no user.
    pub fn user(&self) -> Option<(&str, &SecretString)> {
        self.user.as_ref().map(|(user, password)| (user.as_str(), password))
    }
}

const EXAMPLE: &str = "use an HTTP proxy such as http://proxy.example.com:3128";

fn refused(place: &str, reason: String) -> Error {
    Error::new(&codes::PROXY, format!("cannot use the proxy of {place}")).with_cause(reason)
}

fn is_plain(text: &str) -> bool {
    text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Splits a host and a port. An IPv6 address keeps its brackets, and the port may be empty.
fn split(server: &str) -> Option<(&str, &str)> {
    if server.starts_with('[') {
        let end = server.find(']')? + 1;
        let (host, port) = server.split_at(end);
        host[1..end - 1].parse::<Ipv6Addr>().ok()?;
        return if port.is_empty() { Some((host, "")) } else { Some((host, port.strip_prefix(':')?)) };
    }
    let (host, port) = server.split_once(':').unwrap_or((server, ""));
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (!host.is_empty() && host.bytes().all(known)).then_some((host, port))
}

/// Decodes the user and the password of a URL, such as `bob:p%40ss`. `None`: they are not valid, or a header cannot
/// contain them.
pub fn user_info(text: &str) -> Option<(String, SecretString)> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decoded = |text: &str| decoded(text).filter(|it| !it.chars().any(char::is_control));
    // Go also rejects a space in a URL.
    let is_url = text.bytes().all(|byte| byte.is_ascii_graphic());
    Some((decoded(user).filter(|_| is_url)?, decoded(password)?.into()))
}

fn decoded(text: &str) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let (mut decoded, mut bytes) = (vec![], text.bytes());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => digit(bytes.next()?)? * 16 + digit(bytes.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyUrl").field("url", &self.url).field("has_user", &self.user.is_some()).finish()
    }
}

impl PartialEq for ProxyUrl {
    fn eq(&self, other: &Self) -> bool {
        let user = |it: &Self| it.user().map(|(user, password)| (user.to_owned(), password.expose_secret().to_owned()));
        self.url == other.url && user(self) == user(other)
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;

    use super::*;

    #[test]
    fn proxy_urls_are_parsed() {
        for (text, url, user) in [
            ("http://proxy.example:3128", "http://proxy.example:3128", None),
            ("HTTP://proxy.example/", "http://proxy.example:80", None),
            ("https://proxy.example?x#y", "https://proxy.example:443", None),
            ("http://[::1]:3128", "http://[::1]:3128", None),
            ("http://[::1]", "http://[::1]:80", None),
            ("http://10.0.0.1:1", "http://10.0.0.1:1", None),
            ("http://bob:p%40s%3as@proxy:1", "http://proxy:1", Some(("bob", "p@s:s"))),
            ("http://bob@proxy:1", "http://proxy:1", Some(("bob", ""))),
            ("http://bob:a@b@proxy:1", "http://proxy:1", Some(("bob", "a@b"))),
        ] {
            let parsed = ProxyUrl::parse(text, "HTTPS_PROXY").expect(text);
            assert_eq!(parsed.as_str(), url);
            assert_eq!(parsed.user().map(|(user, password)| (user, password.expose_secret())), user, "{text}");
        }
    }

    #[test]
    fn a_url_that_is_not_an_http_proxy_is_refused_without_being_quoted() {
        for (text, reason) in [
            ("proxy.example:3128", "no scheme"),
            ("socks5://bob:canary@proxy:1080", "SOCKS5 proxies"),
            ("socks5h://bob:canary@proxy:1080", "SOCKS5H proxies"),
            ("SOCKS://canary", "SOCKS proxies"),
            ("socks4a://canary", "SOCKS4A proxies"),
            ("ftp://canary", "neither HTTP nor HTTPS"),
            ("://canary", "neither HTTP nor HTTPS"),
            ("http://", "not a URL"),
            ("http://:3128", "not a URL"),
            ("http://canary:port", "not a URL"),
            ("http://canary:65536", "not a URL"),
            ("http://can ary", "not a URL"),
            ("http://canary:3128 ", "not a URL"),
            ("http://[::1", "not a URL"),
            ("http://[canary]", "not a URL"),
            ("http://[::1]x", "not a URL"),
            ("http://bob:can%zzary@proxy", "not a URL"),
            ("http://bob:canary%@proxy", "not a URL"),
            ("http://bob:canary%0a@proxy", "not a URL"),
            ("http://bob:canary%ff@proxy", "not a URL"),
            ("http://bob:can ary@proxy", "not a URL"),
            ("http://ü.example", "not a URL"),
            ("http://canary\n", "not a URL"),
        ] {
            let error = ProxyUrl::parse(text, "proxy-url").expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.chain().contains(reason) && error.chain().contains("proxy-url"), "{text}: {error:?}");
            assert!(!error.chain().contains("ary"), "{error:?}");
        }
    }
}
