//! The keys under which a login is stored.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{Error, ErrorKind, Result, name::label};

/// A registry as in the `auths` of a Docker config: `host[:port][/path]`.
///
/// No scheme, no wildcard, no trailing slash, lower case: such a key is found by the kubelet, by docker and by everything
/// that is built on containers/image alike.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Registry(Arc<str>);

impl Registry {
    /// Takes a valid key; anything else is [`ErrorKind::Invalid`] with the reason.
    pub fn new(key: impl AsRef<str>) -> Result<Self> {
        let key = key.as_ref();
        match check(key) {
            Ok(()) => Ok(Self(key.into())),
            Err(reason) => Err(Error::new(ErrorKind::Invalid, format!("{key:?} is not a registry: {reason}"))),
        }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(key: &str) -> Result<(), &'static str> {
    if key.contains("://") {
        return Err("it has a scheme");
    }
    if key.contains('*') {
        return Err("it has a wildcard");
    }
    if key.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("it has upper-case letters");
    }
    let (authority, path) = key.split_once('/').map_or((key, None), |(authority, path)| (authority, Some(path)));
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if host.split('.').any(|it| label(it).is_err()) {
        return Err("its host is not a host name");
    }
    if port.is_some_and(|port| port.starts_with(['0', '+']) || port.parse::<u16>().is_err()) {
        return Err("its port is not a number from 1 to 65535");
    }
    let segment = |segment: &str| {
        !segment.is_empty() && segment.bytes().all(|byte| alphanumeric(byte) || matches!(byte, b'-' | b'_' | b'.'))
    };
    if path.is_some_and(|path| !path.split('/').all(segment)) {
        return Err("its path is not a repository path");
    }
    Ok(())
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
    use super::*;

    #[test]
    fn only_bare_lower_case_keys_are_taken() {
        for good in
            ["localhost", "localhost:5000", "r.example/team/app", "210987654321.dkr.ecr.us-east-1.amazonaws.com"]
        {
            assert_eq!(Registry::new(good).expect(good).as_str(), good);
        }
        let bad = [
            "",
            "https://r.example",
            "R.example",
            "*.example",
            "r.example/",
            "r.example:0",
            "r.example:65536",
            "r.example:+1",
            "r..example",
            "-r.example",
            "r.example//a",
            "r.example:",
            "r example",
            "r.example\n",
        ];
        for bad in bad {
            Registry::new(bad).expect_err(bad);
        }
    }
}
