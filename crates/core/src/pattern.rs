//! Patterns that match images, by the rules of the kubelet.

use std::{fmt, str::FromStr};

use crate::{Error, Result, codes};

/// A kubelet key that matches images, such as `registry.example`, `*.registry.example:5000` or `registry.example/team`.
///
/// `*` matches any text within one label of the host. Both hosts must have the same number of labels and the same port.
/// The path is a prefix of the image's path, and it may end within a name. A scheme and an API version
/// (`https://HOST/v1/`) are ignored.
///
/// Source: `URLsMatch` in `pkg/credentialprovider/keyring.go` of Kubernetes. Kubernetes uses it for the keys of pull
/// secrets and for the `matchImages` of credential provider plug-ins.
///
/// ```
/// # use regcred_core::Pattern;
/// let pattern = Pattern::new("*.registry.example/team")?;
/// assert!(pattern.matches("eu.registry.example/team/app"));
/// assert!(!pattern.matches("a.eu.registry.example/team/app"));
/// # Ok::<(), regcred_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    host: Box<str>,
    path: Box<str>,
}

impl Pattern {
    /// Parses a key. Returns [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if Go cannot parse it as a URL, because
    /// the kubelet ignores such a key.
    pub fn new(key: impl AsRef<str>) -> Result<Self> {
        let key = key.as_ref();
        let invalid = || Error::new(&codes::NAME, format!("{key:?} is not a pattern for images"));
        let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let is_valid = |it: char| !it.is_ascii() || it.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:<>\"".contains(it);
        let (name, port) = without_port(host);
        let address = name.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        if !address.unwrap_or(name).chars().all(is_valid)
            || !port.bytes().all(|it| it.is_ascii_digit())
            || key.chars().any(char::is_control)
        {
            return Err(invalid());
        }
        let path = match path.as_bytes() {
            [b'/', b'v', b'1' | b'2', b'/', ..] => &path[3..],
            _ => path,
        };
        Ok(Self { host: host.into(), path: if path == "/" { "".into() } else { path.into() } })
    }

    /// Returns whether the pattern matches an image such as `registry.example/team/app`, without tag and digest.
    pub fn matches(&self, image: &str) -> bool {
        let (authority, path) = image.find('/').map_or((image, ""), |slash| image.split_at(slash));
        let (pattern, port) = without_port(&self.host);
        let (host, image_port) = without_port(authority);
        let labels = |host: &str| host.split('.').count();
        port == image_port
            && labels(pattern) == labels(host)
            && path.starts_with(&*self.path)
            && pattern.split('.').zip(host.split('.')).all(|(pattern, label)| is_match(pattern, label))
    }
}

/// Splits host and port. The colons of an IPv6 address are inside brackets.
fn without_port(authority: &str) -> (&str, &str) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    }
}

/// Matches one label. A host cannot contain the other wildcards of Go's `filepath.Match`.
fn is_match(pattern: &str, label: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == label };
    let Some(rest) = label.strip_prefix(before) else { return false };
    let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.into_iter().any(|at| is_match(after, &rest[at..]))
}

impl FromStr for Pattern {
    type Err = Error;

    fn from_str(key: &str) -> Result<Self> {
        Self::new(key)
    }
}

/// Prints the key without scheme and API version.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.host, self.path)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}
