//! Registries, in one canonical form.

use std::{fmt, net::Ipv6Addr, str::FromStr, sync::Arc};

use crate::{Error, Result, codes, name::label};

/// A registry, or a part of one: `host[:port][/path]`, such as `registry.example:5000/team`.
///
/// The form is canonical, so two spellings of one registry are equal. It is in lower case, without a scheme and without
/// a trailing slash. Every host of Docker Hub is `docker.io`. Each file format has its own spelling of a registry. For
/// example, a Docker config contains `https://index.docker.io/v1/` for `docker.io`.
///
/// ```
/// # use regcred_core::Registry;
/// assert_eq!(Registry::new("https://Registry.example/v2/")?.as_str(), "registry.example");
/// assert_eq!(Registry::new("https://index.docker.io/v1/")?.as_str(), "docker.io");
/// # Ok::<(), regcred_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Registry(Arc<str>);

/// The host names of Docker Hub that its clients use.
const DOCKER_HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

impl Registry {
    /// Parses a registry in any spelling: with `http://` or `https://`, in upper case, or with trailing slashes. An API
    /// version (`/v1/`, `/v2/`) is dropped after a scheme, and the port 443 after `https://`. Both are always dropped
    /// for Docker Hub.
    ///
    /// Returns [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the reason for a user name, a wildcard (see
    /// [`Pattern`](crate::Pattern)), another scheme, or an invalid host name, port or path.
    pub fn new(text: impl AsRef<str>) -> Result<Self> {
        let text = text.as_ref();
        let invalid =
            |reason| Error::new(&codes::NAME, format!("{:?} is not a registry: {reason}", without_user(text)));
        canonical(text).map(|it| Self(it.into())).map_err(invalid)
    }

    /// Returns whether this is Docker Hub, or a part of it.
    pub fn is_docker_hub(&self) -> bool {
        self.host_and_port() == DOCKER_HUB[0]
    }

    /// Returns whether an image such as `registry.example/team/app`, without tag and digest, is in this registry. A
    /// path matches whole segments only.
    pub fn covers(&self, image: &str) -> bool {
        image.strip_prefix(self.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Returns the canonical form as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the host, with the port if there is one: `registry.example:5000`.
    pub fn host_and_port(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }
}

fn canonical(text: &str) -> Result<String, &'static str> {
    let lower = text.to_ascii_lowercase();
    let (scheme, rest) = lower.split_once("://").map_or((None, &*lower), |(scheme, rest)| (Some(scheme), rest));
    if scheme.is_some_and(|it| it != "https" && it != "http") {
        return Err("its scheme is not https");
    }
    if rest.contains('@') {
        return Err("it has a user name");
    }
    if rest.contains('*') {
        return Err("it has a wildcard");
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = host_and_port(authority)?;
    let is_hub = DOCKER_HUB.contains(&&*host) && port.is_none_or(|it| it == 443);
    let host = if is_hub { DOCKER_HUB[0].to_owned() } else { host };
    let is_usual = |port: &u16| is_hub || (*port == 443 && scheme == Some("https"));
    let port = port.filter(|it| !is_usual(it));
    let mut segments = path.split('/').filter(|it| !it.is_empty()).collect::<Vec<_>>();
    if (scheme.is_some() || is_hub) && segments.first().is_some_and(|it| ["v1", "v2"].contains(it)) {
        segments.remove(0);
    }
    if !segments.iter().all(|it| is_segment(it)) {
        return Err("its path is not a repository path");
    }
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    segments.insert(0, "");
    Ok(host + &port + &segments.join("/"))
}

/// Parses a host name, an IPv4 address or an IPv6 address in brackets, with an optional port.
fn host_and_port(authority: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or("its IPv6 address has no closing bracket")?;
        let address = address.parse::<Ipv6Addr>().map_err(|_| "its host is not an IPv6 address")?;
        let port = if port.is_empty() { Some("") } else { port.strip_prefix(':') };
        (format!("[{address}]"), port.ok_or("its port does not follow a colon")?)
    } else {
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        if port.contains(':') {
            return Err("an IPv6 address needs brackets, as in [::1]:5000");
        }
        if host.split('.').any(|it| label(it).is_err()) {
            return Err("its host is not a host name");
        }
        (host.to_owned(), port)
    };
    let number = || port.parse::<u16>().ok().filter(|it| *it > 0 && !port.starts_with('+'));
    let port = if port.is_empty() { None } else { Some(number().ok_or("its port is not a number from 1 to 65535")?) };
    Ok((host, port))
}

fn is_segment(segment: &str) -> bool {
    segment.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte))
}

/// Returns the text for an error, without the part before an `@`, which may be a password.
fn without_user(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, host)| host)
}

impl AsRef<str> for Registry {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for Registry {
    type Err = Error;

    fn from_str(key: &str) -> Result<Self> {
        Self::new(key)
    }
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;

    use super::*;

    #[test]
    fn every_spelling_of_a_registry_is_parsed_into_one_form() {
        let cases = [
            ("localhost", "localhost"),
            ("localhost:5000", "localhost:5000"),
            ("r.example/team/app", "r.example/team/app"),
            ("210987654321.dkr.ecr.us-east-1.amazonaws.com", "210987654321.dkr.ecr.us-east-1.amazonaws.com"),
            ("R.Example/Team", "r.example/team"),
            ("https://r.example", "r.example"),
            ("HTTPS://r.example/", "r.example"),
            ("http://r.example:8080/v2/team/", "r.example:8080/team"),
            ("https://r.example:443/v2", "r.example"),
            ("r.example:443", "r.example:443"),
            ("r.example:", "r.example"),
            ("r.example:05000", "r.example:5000"),
            ("r.example//team//", "r.example/team"),
            ("r.example/v2/app", "r.example/v2/app"),
            ("[::1]:5000/team", "[::1]:5000/team"),
            ("https://[2001:DB8:0:0::1]", "[2001:db8::1]"),
            ("10.0.0.1:5000", "10.0.0.1:5000"),
            ("docker.io", "docker.io"),
            ("index.docker.io", "docker.io"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("index.docker.io/v1/", "docker.io"),
            ("registry-1.docker.io", "docker.io"),
            ("https://registry-1.docker.io:443/v2/", "docker.io"),
            ("docker.io/team", "docker.io/team"),
            ("hub.docker.com", "hub.docker.com"),
        ];
        for (text, expected) in cases {
            let registry = Registry::new(text).expect(text);
            assert_eq!(registry.as_str(), expected, "{text}");
            assert_eq!(Registry::new(registry.as_str()).expect(text), registry, "{text} stays as it is");
            assert_eq!(registry.is_docker_hub(), expected.starts_with("docker.io"), "{text}");
        }
    }

    #[test]
    fn an_invalid_registry_is_refused_without_quoting_its_password() {
        let bad = [
            "",
            "/team",
            "https://",
            "ftp://r.example",
            "oci://r.example",
            "u:canary@r.example",
            "https://u:canary@r.example/v2/",
            "*.example",
            "r.example:0",
            "r.example:65536",
            "r.example:+1",
            "r.example:port",
            "r..example",
            "-r.example",
            "r example",
            "r.example\n",
            "r.example/te am",
            "r.example/app:tag",
            "::1",
            "[::1",
            "[::1]5000",
            "[r.example]",
        ];
        for bad in bad {
            let error = Registry::new(bad).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
