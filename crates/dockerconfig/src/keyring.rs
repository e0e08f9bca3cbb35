//! Finds the keys of `auths` that match an image, as the kubelet does.
//!
//! The same as `BasicDockerKeyring` in Kubernetes' `pkg/credentialprovider/keyring.go`, which OpenShift's import of images uses too.

use std::{cmp::Reverse, collections::BTreeMap};

/// The keys that match an image, in the order in which their logins are tried. The order within one group is random.
pub(crate) fn lookup<'a>(keys: impl Iterator<Item = &'a str>, image: &str) -> Vec<Vec<&'a str>> {
    let mut index = BTreeMap::<_, Vec<&str>>::new();
    for key in keys {
        if let Some(location) = Location::of(key).filter(|it| it.matches(image)) {
            index.entry(Reverse(location.text())).or_default().push(key);
        }
    }
    index.into_values().collect()
}

/// A key without its scheme and its API version.
struct Location {
    host: String,
    path: String,
}

impl Location {
    /// `None`: Go cannot parse it as a URL, and the kubelet ignores it.
    fn of(key: &str) -> Option<Self> {
        let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let is_valid = |it: char| !it.is_ascii() || it.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:<>\"".contains(it);
        let port = host.rsplit_once(':').map_or("", |(_, port)| port);
        if !host.chars().all(is_valid)
            || !port.bytes().all(|it| it.is_ascii_digit())
            || key.chars().any(char::is_control)
        {
            return None;
        }
        let path = match path.as_bytes() {
            [b'/', b'v', b'1' | b'2', b'/', ..] => &path[3..],
            _ => path,
        };
        Some(Self { host: host.to_owned(), path: if path == "/" { String::new() } else { path.to_owned() } })
    }

    fn text(&self) -> String {
        format!("{}{}", self.host, self.path)
    }

    /// Ports are equal, every label of the host matches, and the path is a prefix, also of a part of a name.
    fn matches(&self, image: &str) -> bool {
        let (authority, path) = image.find('/').map_or((image, ""), |slash| image.split_at(slash));
        let (pattern, port) = without_port(&self.host);
        let (host, image_port) = without_port(authority);
        let labels = |host: &str| host.split('.').count();
        port == image_port
            && labels(pattern) == labels(host)
            && path.starts_with(&self.path)
            && pattern.split('.').zip(host.split('.')).all(|(pattern, label)| is_match(pattern, label))
    }
}

fn without_port(authority: &str) -> (&str, &str) {
    authority.rsplit_once(':').unwrap_or((authority, ""))
}

/// A `*` matches any text. The other wildcards of Go's `filepath.Match` cannot be in a host.
fn is_match(pattern: &str, label: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == label };
    let Some(rest) = label.strip_prefix(before) else { return false };
    let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.into_iter().any(|at| is_match(after, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each was given to Kubernetes' own code, which agrees.
    #[test]
    fn keys_match_as_in_the_kubelet() {
        let cases = [
            (&["r.example"][..], "r.example/app", "r.example"),
            (&["r.example", "r.example/team/app"], "r.example/team/app", "r.example/team/app > r.example"),
            (&["r.example", "r.example/team"], "r.example/team-b/app", "r.example/team > r.example"),
            (&["r.example/team/"], "r.example/team/app", "r.example/team/"),
            (&["https://r.example/v1/", "r.example"], "r.example/app", "https://r.example/v1/ = r.example"),
            (&["https://r.example/v1"], "r.example/app", ""),
            (&["https://r.example/v2/team"], "r.example/team/app", "https://r.example/v2/team"),
            (&["http://r.example"], "r.example/app", "http://r.example"),
            (&["HTTPS://r.example"], "r.example/app", ""),
            (&["r.example:443"], "r.example/app", ""),
            (&["r.example:443", "r.example"], "r.example:443/app", "r.example:443"),
            (&["R.example"], "r.example/app", ""),
            (&["*.example", "r.example"], "r.example/app", "r.example > *.example"),
            (&["*.example/team"], "r.example/team/app", "*.example/team"),
            (&["*.*"], "r.example/app", "*.*"),
            (&["r*.e*mple"], "r.example/app", "r*.e*mple"),
            (&["*.example"], "a.r.example/app", ""),
            (&["u:p@r.example"], "r.example/app", "u:p@r.example"),
            (&["r.example:port"], "r.example/app", ""),
            (&["r .example", "r\\.example"], "r.example/app", ""),
            (&["r.example?x", "r.example#y"], "r.example/app", "r.example?x = r.example#y"),
            (&["[a-z].example"], "r.example/app", ""),
            (&["?.example"], "r.example/app", ""),
            (
                &["*.dkr.ecr.eu-west-1.amazonaws.com"],
                "1.dkr.ecr.eu-west-1.amazonaws.com/a",
                "*.dkr.ecr.eu-west-1.amazonaws.com",
            ),
        ];
        for (keys, image, expected) in cases {
            let found = lookup(keys.iter().copied(), image);
            let found = found.iter().map(|group| group.join(" = ")).collect::<Vec<_>>().join(" > ");
            assert_eq!(found, expected, "{keys:?} for {image}");
        }
    }
}
