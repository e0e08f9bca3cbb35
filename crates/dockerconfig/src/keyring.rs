//! Finds the keys of `auths` that match an image, as the kubelet does.
//!
//! The same as `BasicDockerKeyring` in Kubernetes' `pkg/credentialprovider/keyring.go`, which OpenShift's import of images uses too.

use std::{cmp::Reverse, collections::BTreeMap};

use regcred_core::Pattern;

/// The keys that match an image, in the order in which their logins are tried. The order within one group is random.
pub(crate) fn lookup<'a>(keys: impl Iterator<Item = &'a str>, image: &str) -> Vec<Vec<&'a str>> {
    let mut index = BTreeMap::<_, Vec<&str>>::new();
    for key in keys {
        if let Some(pattern) = Pattern::new(key).ok().filter(|it| it.matches(image)) {
            index.entry(Reverse(pattern.to_string())).or_default().push(key);
        }
    }
    index.into_values().collect()
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
