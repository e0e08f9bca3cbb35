//! The issuer of a cluster's ServiceAccount tokens.

use std::{fmt, str::FromStr};

/// An issuer as IAM names it: a host and an optional path, without `https://`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issuer(String);

impl FromStr for Issuer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("https://").unwrap_or(text);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain =
            |text: &str, more: &[u8]| text.bytes().all(|it| it.is_ascii_alphanumeric() || more.contains(&it));
        let is_path = path.is_empty() || path.split('/').all(|step| !step.is_empty() && is_plain(step, b"-._~"));
        if host.contains('.') && is_plain(host, b"-.") && !host.starts_with(['.', '-']) && is_path {
            return Ok(Self(rest.into()));
        }
        Err("it is not an issuer, such as https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF".into())
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_host_with_an_optional_path() {
        for (text, name) in [
            ("https://oidc.example.com", "oidc.example.com"),
            ("https://oidc.example.com/", "oidc.example.com"),
            ("oidc.example.com", "oidc.example.com"),
            ("https://oidc.eks.eu-west-1.amazonaws.com/id/0123ABC", "oidc.eks.eu-west-1.amazonaws.com/id/0123ABC"),
            ("https://bucket.s3.eu-west-1.amazonaws.com/my-cluster", "bucket.s3.eu-west-1.amazonaws.com/my-cluster"),
            ("rh-oidc.s3.us-east-1.amazonaws.com/1a2b", "rh-oidc.s3.us-east-1.amazonaws.com/1a2b"),
        ] {
            assert_eq!(text.parse::<Issuer>().expect(text).to_string(), name);
        }
        for bad in [
            "",
            "http://oidc.example.com",
            "https://",
            "localhost",
            "a b.c",
            "x.y/\"",
            "x.y//z",
            "x.y/*",
            "-x.y",
            "x.y:443",
            "x.y\n",
        ] {
            bad.parse::<Issuer>().expect_err(bad);
        }
    }
}
