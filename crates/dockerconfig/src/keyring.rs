//! Finds the keys of `auths` that match an image, as the kubelet does.
//!
//! Follows `BasicDockerKeyring` in Kubernetes' `pkg/credentialprovider/keyring.go`. OpenShift's image import uses the
//! same code.

use std::{cmp::Reverse, collections::BTreeMap};

use regcred_core::Pattern;

/// Returns the keys that match an image, in the order in which the kubelet tries their logins. The order within a group
/// is random.
pub(crate) fn lookup<'a>(keys: impl Iterator<Item = &'a str>, image: &str) -> Vec<Vec<&'a str>> {
    let (mut index, mut of_docker_hub) = (BTreeMap::<_, Vec<&str>>::new(), vec![]);
    for key in keys {
        let Ok(pattern) = Pattern::new(key) else { continue };
        if pattern.matches(image) {
            index.entry(Reverse(pattern.to_string())).or_default().push(key);
        } else if pattern.to_string() == INDEX {
            of_docker_hub.push(key);
        }
    }
    if index.is_empty() && !of_docker_hub.is_empty() && is_of_docker_hub(image) {
        return vec![of_docker_hub];
    }
    index.into_values().collect()
}

/// The host in the key that `docker login` writes for Docker Hub.
const INDEX: &str = "index.docker.io";

/// Returns whether the kubelet uses the login of Docker Hub for an image that no key matches.
fn is_of_docker_hub(image: &str) -> bool {
    match image.split_once('/') {
        None => !image.is_empty(),
        Some(("docker.io" | INDEX, _)) => true,
        Some((host, _)) => !host.is_empty() && !host.contains(['.', ':']),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kubernetes' own code was run on each of these cases and gave the same result.
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
            (&["https://index.docker.io/v1/"], "docker.io/library/app", "https://index.docker.io/v1/"),
            (&["index.docker.io"], "docker.io/team/app", "index.docker.io"),
            (&["docker.io", "https://index.docker.io/v1/"], "docker.io/team/app", "docker.io"),
            (&["docker.io/team", "index.docker.io"], "docker.io/other/app", "index.docker.io"),
            (&["https://index.docker.io/v1/"], "r.example/app", ""),
            (&["https://registry-1.docker.io"], "docker.io/team/app", ""),
            (&["[::1]:5000"], "[::1]:5000/app", "[::1]:5000"),
            (&["[::1]:5000", "https://[::1]"], "[::1]/app", "https://[::1]"),
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
