//! Answers which registry a key of `auths` means.

use regcred_core::Registry;

use crate::key::key as key_of;

/// The relation of a key of `auths` to a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// The key is the one that regcred writes for the registry.
    Exact,
    /// The same registry in another spelling: with a scheme, an API version, port 443, capitals or a trailing slash.
    Spelling,
    /// Some repositories of the registry: the key has a longer path.
    Part,
}

impl Meaning {
    /// Returns what a key means for a registry.
    ///
    /// Returns `None` if the key means another registry, contains a wildcard, or contains a user.
    ///
    /// Readers accept different spellings (see [`Reader`](crate::Reader)). The login of the registry is correct for all
    /// of them.
    pub fn of(key: &str, registry: &Registry) -> Option<Self> {
        if key == key_of(registry) {
            return Some(Self::Exact);
        }
        let (own, own_path) = split(registry.as_str());
        let (authority, path) = split(without_scheme(key));
        if host_of(&authority.to_ascii_lowercase()) != host_of(own) {
            return None;
        }
        let (mut segments, mut own_segments) = (segments(path), segments(own_path));
        loop {
            match (own_segments.next(), segments.next()) {
                (None, None) => return Some(Self::Spelling),
                (None, Some(_)) => return Some(Self::Part),
                (Some(own), Some(segment)) if own == segment => {}
                (Some(_), _) => return None,
            }
        }
    }
}

fn without_scheme(key: &str) -> &str {
    let scheme =
        key.split_once("://").filter(|(it, _)| ["http", "https"].iter().any(|own| it.eq_ignore_ascii_case(own)));
    scheme.map_or(key, |(_, rest)| rest)
}

fn split(key: &str) -> (&str, &str) {
    key.split_once('/').unwrap_or((key, ""))
}

/// Returns the host of an authority. Every reader uses port 443 by default, and Docker Hub has several host names.
fn host_of(authority: &str) -> &str {
    match authority.strip_suffix(":443").unwrap_or(authority) {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    }
}

/// Returns the segments of a path, without a leading API version and a trailing slash. Docker and the kubelet ignore
/// the API version.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.trim_end_matches('/');
    let path = match path.split_once('/') {
        Some(("v1" | "v2", rest)) => rest,
        None if path == "v1" || path == "v2" => "",
        _ => path,
    };
    path.split('/').filter(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_and_sub_path_of_a_registry_is_recognized() {
        let (exact, spelling, part) = (Some(Meaning::Exact), Some(Meaning::Spelling), Some(Meaning::Part));
        let cases = [
            ("r.example", "r.example", exact),
            ("r.example", "https://r.example", spelling),
            ("r.example", "http://r.example", spelling),
            ("r.example", "HTTPS://r.example", spelling),
            ("r.example", "https://r.example/", spelling),
            ("r.example", "https://r.example/v1/", spelling),
            ("r.example", "https://r.example/v2/", spelling),
            ("r.example", "r.example/v1", spelling),
            ("r.example", "r.example:443", spelling),
            ("r.example", "https://r.example:443/v2/", spelling),
            ("r.example", "R.Example", spelling),
            ("r.example", "r.example//", spelling),
            ("r.example", "r.example/team", part),
            ("r.example", "r.example/team/app", part),
            ("r.example", "r.example/team/app/", part),
            ("r.example", "https://r.example/team/app", part),
            ("r.example", "https://R.example:443/v2/team", part),
            ("r.example", "r.example:443/team/app", part),
            ("r.example", "r.example:5000", None),
            ("r.example", "r.example.org", None),
            ("r.example", "s.r.example", None),
            ("r.example", "*.example", None),
            ("r.example", "u:p@r.example", None),
            ("r.example", "", None),
            ("r.example", "://r.example", None),
            ("r.example/team", "r.example/team/app", part),
            ("r.example/team", "https://r.example/team/", spelling),
            ("r.example/team", "r.example", None),
            ("r.example/team", "r.example/team-b", None),
            ("localhost:5000", "http://localhost:5000", spelling),
            ("localhost:5000", "localhost", None),
            ("r.example:443", "r.example", spelling),
            ("docker.io", "https://index.docker.io/v1/", exact),
            ("docker.io", "docker.io", spelling),
            ("docker.io", "index.docker.io", spelling),
            ("docker.io", "https://docker.io", spelling),
            ("docker.io", "registry-1.docker.io", spelling),
            ("docker.io", "docker.io/team", part),
            ("docker.io", "hub.docker.com", None),
            ("docker.io/team", "docker.io/team", exact),
            ("docker.io/team", "https://index.docker.io/v1/team", spelling),
            ("docker.io/team", "https://index.docker.io/v1/", None),
            ("[::1]:5000", "http://[::1]:5000/", spelling),
        ];
        for (registry, key, expected) in cases {
            let registry = Registry::new(registry).expect("valid");
            assert_eq!(Meaning::of(key, &registry), expected, "{key} for {registry}");
        }
    }
}
