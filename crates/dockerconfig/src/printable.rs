//! The keys of a Docker config in a form that can be printed. A key may contain a secret, such as a token in a URL.

use regcred_core::Registry;

/// Shows keys of `auths` that name registries. All other keys may contain a secret and are only counted. `None`: there
/// are no keys.
pub fn shown<'a>(keys: impl Iterator<Item = &'a str>) -> Option<String> {
    let (mut named, mut others) = (vec![], 0);
    for key in keys {
        if named.len() < 5 && Registry::new(bare(key)).is_ok_and(|it| it.as_str() == bare(key)) {
            named.push(format!("{key:?}"));
        } else {
            others += 1;
        }
    }
    if others > 0 {
        named.push(format!("{others} more"));
    }
    (!named.is_empty()).then(|| named.join(", "))
}

/// Returns a key of `auths` without scheme and API version.
pub fn bare(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key = key.trim_end_matches('/');
    key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key)
}
