//! Parses the reference of an image.

use std::{fmt, str::FromStr};

/// An image reference as registries and the kubelet accept it: `[HOST[:PORT]/]PATH[:TAG][@sha256:DIGEST]`. Default: the
/// image of this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image(String);

impl Image {
    /// Regular expression for a repository without a tag, for the chart's schema.
    pub const REPOSITORY: &'static str = "^(([A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?/)?[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*$";
    /// Regular expression for an optional tag, for the chart's schema.
    pub const TAG: &'static str = "^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$";

    /// Returns the reference as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Image {
    fn default() -> Self {
        Self(format!("ghcr.io/regcred/regcred:{}", env!("CARGO_PKG_VERSION")))
    }
}

impl FromStr for Image {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("https://") || text.starts_with("http://") {
            return Err("it is a URL: leave out https://".into());
        }
        if is_reference(text) {
            return Ok(Self(text.into()));
        }
        Err(format!(
            "it is not the reference of an image, such as {}: the path is in lower case, and neither it nor a tag has blanks",
            Self::default()
        ))
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Maximum length of a repository, including its host.
const LONGEST_NAME: usize = 255;
const LONGEST_TAG: usize = 128;

fn is_reference(text: &str) -> bool {
    let (named, digest) = text.split_once('@').map_or((text, None), |(named, digest)| (named, Some(digest)));
    let slash = named.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match named[slash..].split_once(':') {
        Some((last, tag)) => (&named[..slash + last.len()], Some(tag)),
        None => (named, None),
    };
    name.len() <= LONGEST_NAME && is_repository(name) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest)
}

/// Returns whether a name is a repository. Its first part is a host if it contains a dot or a port, or is `localhost`.
fn is_repository(name: &str) -> bool {
    let path = match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
            if !is_host(host) {
                return false;
            }
            path
        }
        _ => name,
    };
    path.split('/').all(is_component)
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let address = name.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let is_name =
        address.map_or_else(|| name.split('.').all(is_label), |address| address.parse::<std::net::Ipv6Addr>().is_ok());
    is_name && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Returns whether a path component is valid. It is lower-case words, separated by one dot, one or two underscores, or
/// dashes.
fn is_component(component: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let separators = component.split(|it: char| u8::try_from(it).is_ok_and(is_word)).filter(|it| !it.is_empty());
    let is_separator = |it: &str| matches!(it, "." | "_" | "__") || it.bytes().all(|byte| byte == b'-');
    component.bytes().next().is_some_and(is_word)
        && component.bytes().next_back().is_some_and(is_word)
        && separators.into_iter().all(is_separator)
}

fn is_tag(tag: &str) -> bool {
    (1..=LONGEST_TAG).contains(&tag.len())
        && !tag.starts_with(['.', '-'])
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

fn is_digest(digest: &str) -> bool {
    let is_hex = |it: &str| it.len() == 64 && it.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    digest.strip_prefix("sha256:").is_some_and(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_references_follow_the_rules_of_registries() {
        let digest = format!("registry.example.com/regcred@sha256:{}", "0f".repeat(32));
        let both = format!("regcred:1@sha256:{}", "0f".repeat(32));
        let good = [
            Image::default().as_str().to_owned(),
            "regcred".into(),
            "regcred:0.1.0".into(),
            "localhost/regcred".into(),
            "localhost:5000/regcred:latest".into(),
            "REGISTRY.example.com/a/b_c/d__e/f--g:V1.0_x".into(),
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/regcred:1".into(),
            "[::1]:5000/regcred".into(),
            "10.0.0.1:5000/regcred".into(),
            digest,
            both,
        ];
        for text in good {
            text.parse::<Image>().expect(&text);
        }
        let bad = [
            "",
            "UPPER:bad tag",
            "UPPER",
            "regcred:",
            "regcred:bad tag",
            "regcred:-x",
            "regcred@sha256:abc",
            "regcred@",
            "https://ghcr.io/regcred/regcred",
            "ghcr.io//regcred",
            "ghcr.io/regcred/",
            "ghcr.io/reg cred",
            "ghcr.io/regcred:1:2",
            "ghcr.io:99999/regcred",
            "ghcr.io/a..b",
            "ghcr.io/-a",
            "ghcr.io/regcred:1\n",
            "-ghcr.io/regcred",
            &format!("ghcr.io/{}", "a".repeat(256)),
        ];
        for text in bad {
            text.parse::<Image>().expect_err(text);
        }
    }

    #[test]
    fn the_chart_accepts_the_same_repositories_and_tags() {
        let repository = regex::Regex::new(Image::REPOSITORY).expect("it is one");
        for (text, fits) in [
            ("ghcr.io/regcred/regcred", true),
            ("localhost:5000/regcred", true),
            ("regcred", true),
            ("registry.example.com/a/b_c/d__e/f--g", true),
            ("[2001:db8::1]:5000/regcred", true),
            ("UPPER", false),
            ("ghcr.io/Upper", false),
            ("ghcr.io//x", false),
            ("https://ghcr.io/x", false),
            ("ghcr.io/a b", false),
            ("ghcr.io/x:1", false),
        ] {
            assert_eq!(repository.is_match(text), fits, "{text}");
            assert_eq!(is_repository(text) && !text.ends_with(":1"), fits, "{text}");
        }
        let tag = regex::Regex::new(Image::TAG).expect("it is one");
        for (text, fits) in [("0.1.0", true), ("latest", true), ("_x", true), ("bad tag", false), (".x", false)] {
            assert_eq!((tag.is_match(text), is_tag(text)), (fits, fits), "{text}");
        }
    }
}
