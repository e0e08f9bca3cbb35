//! The URL of an API server, as client-go reads it.

use std::{net::IpAddr, str::FromStr};

use http::{Uri, uri::Scheme};
use regcred_core::{SecretString, user_info};

/// Longer than any real URL. Each request appends a path, and a URL has at most 64 KiB.
const LONGEST: usize = 4096;

/// The URL of an API server, in parts.
#[derive(Debug)]
pub(super) struct Server {
    /// The URL, without a user.
    pub(super) url: Uri,
    /// The user and the password of the URL.
    pub(super) user: Option<(String, SecretString)>,
    /// Whether the text has no scheme, which means HTTP.
    pub(super) is_bare: bool,
}

/// Parses a URL, or a host with a port. An error quotes nothing, because the text may contain a password.
pub(super) fn parse(text: &str) -> Result<Server, String> {
    let invalid = || "is not a URL such as https://api.example.com:6443".to_owned();
    if text.len() > LONGEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid());
    }
    let is_bare = !text.split_once("://").is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.starts_with('/'));
    let (scheme, rest) = if is_bare { ("http", text) } else { text.split_once("://").ok_or_else(invalid)? };
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if is_bare && !path.is_empty() && path != "/" {
        return Err(invalid());
    }
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "https" => Scheme::HTTPS,
        "http" => Scheme::HTTP,
        _ => return Err("has a protocol that is neither HTTPS nor HTTP".into()),
    };
    let (user, authority) = match authority.rsplit_once('@') {
        Some((user, authority)) => (Some(user_info(user).ok_or_else(invalid)?), authority),
        None => (None, authority),
    };
    let url = Uri::builder().scheme(scheme).authority(authority).path_and_query(clean(path)).build();
    let url = url.ok().filter(|url| url.host().is_some_and(|host| !host.is_empty())).ok_or_else(invalid)?;
    // "host:" is a host without a port, and "host:x" is invalid.
    let port = authority.rsplit_once(':').map(|(_, port)| port).filter(|it| !it.contains(']'));
    if port.is_some_and(|port| !port.is_empty() && port.parse::<u16>().is_err()) {
        return Err(invalid());
    }
    Ok(Server { url, user, is_bare })
}

/// Checks the URL of an API server in a config. It must be HTTPS, or HTTP on loopback, without a user and a query. A
/// path is allowed.
///
/// The error is a message for the user. It quotes nothing, because the text may contain a password.
pub fn check_server(text: &str) -> Result<(), String> {
    let example = "such as https://api.example.com:6443";
    let Server { url, user, is_bare } =
        parse(text).map_err(|_| format!("it is not the URL of an API server, {example}"))?;
    if user.is_some() {
        return Err(format!("it holds a user: write the URL without one, {example}"));
    }
    if is_bare {
        return Err(format!("it has no scheme: write the whole URL, {example}"));
    }
    if url.scheme() == Some(&Scheme::HTTP) && !url.host().is_some_and(is_loopback) {
        return Err("it is neither HTTPS nor on loopback: write https:// in place of http://".into());
    }
    if text.contains(['?', '#']) {
        return Err(format!("it has a query or a fragment: write the URL without it, {example}"));
    }
    Ok(())
}

/// Returns a path without `.`, `..` and empty segments.
fn clean(path: &str) -> String {
    let mut steps = vec![];
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    format!("/{}", steps.join("/"))
}

fn is_scheme(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte);
    text.starts_with(|it: char| it.is_ascii_alphabetic()) && text.bytes().all(known)
}

/// Returns whether a host is on loopback.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = IpAddr::from_str(host.trim_start_matches('[').trim_end_matches(']'));
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use regcred_core::ExposeSecret;

    use super::*;

    #[test]
    fn servers_are_parsed_as_in_client_go() {
        for (text, url, is_bare) in [
            ("https://api.example:6443", "https://api.example:6443/", false),
            ("https://api.example:6443/", "https://api.example:6443/", false),
            ("HTTPS://API.example", "https://API.example/", false),
            ("https://api.example/k8s/clusters/c-1?x=y#z", "https://api.example/k8s/clusters/c-1", false),
            ("https://api.example/a/../b//./c/", "https://api.example/b/c", false),
            ("https://[::1]:6443", "https://[::1]:6443/", false),
            ("http://127.0.0.1:8001", "http://127.0.0.1:8001/", false),
            ("10.0.0.1:6443", "http://10.0.0.1:6443/", true),
            ("localhost:8080", "http://localhost:8080/", true),
            ("api.example", "http://api.example/", true),
            ("api.example:6443/", "http://api.example:6443/", true),
            ("https://bob:canary@api.example", "https://api.example/", false),
        ] {
            let server = parse(text).expect(text);
            assert_eq!((server.url.to_string().as_str(), server.is_bare), (url, is_bare), "{text}");
        }
        let (user, password) = parse("https://b%40b:p%3a@w@x").expect("a URL").user.expect("a user");
        assert_eq!((user.as_str(), password.expose_secret()), ("b@b", "p:@w"));
    }

    #[test]
    fn an_invalid_server_url_is_refused_and_not_quoted() {
        let long = format!("https://api.example/{}", "canary".repeat(1_000));
        for text in [
            "https://",
            "https:///canary",
            "https:/canary",
            "canary/path",
            "10.0.0.1:6443/canary",
            "https://can ary",
            " https://canary",
            "https://canary\n",
            "https://canary:port",
            "https://canary:65536",
            "https://:6443",
            "https://[::1",
            "https://ü.example",
            "https://bob:canary@",
            "ftp://canary",
            "unix:///canary",
            "://canary",
            &long,
        ] {
            let reason = parse(text).expect_err(text);
            assert!(!reason.contains("ary"), "{text}: {reason}");
        }
    }

    #[test]
    fn only_a_safe_url_of_an_api_server_is_accepted() {
        for text in [
            "https://api.example:6443",
            "https://api.example/",
            "HTTPS://api.example",
            "https://rancher.example/k8s/clusters/c-1",
            "https://[2001:db8::1]:6443",
            "http://127.0.0.1:8001",
            "http://localhost:8080",
            "http://[::1]:8080",
        ] {
            check_server(text).expect(text);
        }
        for (text, expected) in [
            ("canary", "it has no scheme"),
            ("canary:6443", "it has no scheme"),
            ("127.0.0.1:8001", "it has no scheme"),
            ("", "it is not the URL of an API server"),
            ("canary/path", "it is not the URL of an API server"),
            ("ftp://canary", "it is not the URL of an API server"),
            ("https://", "it is not the URL of an API server"),
            ("https:/canary", "it is not the URL of an API server"),
            ("https://can ary", "it is not the URL of an API server"),
            ("https://canary:port", "it is not the URL of an API server"),
            ("http://canary:6443", "it is neither HTTPS nor on loopback"),
            ("https://me:canary@api.example", "it holds a user"),
            ("https://canary@api.example", "it holds a user"),
            ("http://me:canary@127.0.0.1", "it holds a user"),
            ("https://api.example?token=canary", "it has a query or a fragment"),
            ("https://api.example/#canary", "it has a query or a fragment"),
        ] {
            let message = check_server(text).expect_err(text);
            assert!(message.starts_with(expected) && !message.contains("ary"), "{text}: {message}");
        }
    }
}
