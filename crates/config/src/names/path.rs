//! Paths in a config.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de::Error};

/// Reads a path as written, for `#[serde(deserialize_with)]`. Fails if a shell would expand a part of it.
pub fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let text = String::deserialize(deserializer)?;
    check(&text).map_err(D::Error::custom)?;
    Ok(text.into())
}

/// Reads an optional path. See [`path`].
pub fn maybe_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    path(deserializer).map(Some)
}

fn check(text: &str) -> Result<(), String> {
    let sign = match text.chars().next() {
        Some('~') => "~",
        _ if text.contains("${") || text.starts_with('$') => "$",
        _ if text.starts_with("file:") => return Err("it is a URL: write the path alone".into()),
        _ => return Ok(()),
    };
    Err(format!("`{sign}` is not expanded in a config: write the whole path, such as /home/me/.kube/config"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_a_shell_would_expand_is_refused() {
        for bad in ["~", "~/t", "~me/t", "$HOME/t", "${HOME}/t", "/a/${B}/c", "file:///a", "file:/a"] {
            check(bad).expect_err(bad);
        }
        for good in ["/a", "a", "./a", "../a", "a~", "/a/~b", "/a$b", "/a b"] {
            check(good).expect(good);
        }
    }
}
