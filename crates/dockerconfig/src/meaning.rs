//! Which registry does a key of `auths` mean?

use regcred_core::Registry;

use crate::key::key as key_of;

/// The relation of a key of `auths` to a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// The registry, as regcred writes it.
    Exact,
    /// The same registry, written with a scheme, an API version, port 443, capitals or a slash at the end.
    Spelling,
    /// Some of its repositories: the key has a longer path.
    Part,
}

impl Meaning {
    /// Returns what a key means for a registry. `None`: it means another one, or it has a wildcard or a user.
    ///
    /// Readers differ on which of these spellings they take: see [`Reader`](crate::Reader). A login for the registry is right for all.
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

/// Every reader uses port 443 by default, and one host of Docker Hub for the others.
fn host_of(authority: &str) -> &str {
    match authority.strip_suffix(":443").unwrap_or(authority) {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    }
}

/// Without an API version at the beginning, which docker and the kubelet ignore, and without a slash at the end.
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
    fn every_spelling_of_a_registry_and_every_part_of_it_is_known() {
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
