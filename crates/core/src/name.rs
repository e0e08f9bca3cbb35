//! Names that are validated once, when they are created.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use crate::{Error, Result, codes, odd_character};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident: $what:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Creates a name. Returns [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the reason if the name is
            /// not valid.
            pub fn new(name: impl AsRef<str>) -> Result<Self> {
                let name = name.as_ref();
                match $check(name) {
                    Ok(()) => Ok(Self(name.into())),
                    Err(reason) => Err(Error::new(&codes::NAME, format!("{name:?} is not a {}: {reason}", $what))),
                }
            }

            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        /// Allows lookups by text in a map with these names as keys.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for Arc<str> {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(name: &str) -> Result<Self> {
                Self::new(name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

name! {
    /// The name of a provider within one configuration.
    ProviderName: "provider name", dns_label
}
name! {
    /// The name of a store, such as one cluster. An address identifies one target within its store.
    StoreName: "store name", dns_label
}
name! {
    /// A Kubernetes namespace.
    Namespace: "namespace", dns_label
}
name! {
    /// The name of one installation of regcred. Two installations in one store do not overwrite each other's Secrets.
    InstanceName: "name for an instance", dns_label
}
name! {
    /// The name of a Secret within its namespace.
    SecretName: "Secret name", dns_subdomain
}
name! {
    /// The name of a repository within a registry, such as `team/app`. It has no registry, tag or digest.
    ///
    /// Source: the grammar of `name` in the distribution specification of OCI.
    RepositoryName: "repository", repository
}

/// Returns `default`, the name of an installation without a configured name.
impl Default for InstanceName {
    fn default() -> Self {
        Self("default".into())
    }
}

const LABEL: usize = 63; // a name that is one DNS label, as the Kubernetes API checks it
const SUBDOMAIN: usize = 253; // a whole name that may contain dots
const REPOSITORY: usize = 255; // most clients limit it, with the registry

fn dns_label(name: &str) -> Result<(), String> {
    at_most(name, LABEL)?;
    label(name)
}

fn dns_subdomain(name: &str) -> Result<(), String> {
    at_most(name, SUBDOMAIN)?;
    if name.contains("..") || name.starts_with('.') || name.ends_with('.') {
        return Err("it begins or ends with '.', or it contains '..'".into());
    }
    name.split('.').try_for_each(label).map_err(|why| why.replace("digits and '-' are", "digits, '-' and '.' are"))
}

/// Checks parts that begin and end with a letter or a digit, with slashes between them.
fn repository(name: &str) -> Result<(), String> {
    at_most(name, REPOSITORY)?;
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let is_part = |part: &[u8]| part.iter().copied().all(is_inner) && is_edge(part.first()) && is_edge(part.last());
    if name.contains([':', '@']) {
        return Err("leave out the tag, the digest and the registry, as in team/app".into());
    }
    let is_valid = name.split('/').all(|part| is_part(part.as_bytes()));
    if is_valid { Ok(()) } else { Err("it is not a lower-case path such as team/app".into()) }
}

fn at_most(name: &str, limit: usize) -> Result<(), String> {
    let long = name.len() > limit;
    if long { Err(format!("it has {} characters, {limit} are allowed", name.len())) } else { Ok(()) }
}

/// Checks one label of a DNS name, of any length.
pub(crate) fn label(label: &str) -> Result<(), String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    match label.as_bytes() {
        [] => Err("it is empty".into()),
        bytes if !bytes.iter().all(|&byte| inner(byte) || byte == b'-') => {
            let odd = odd_character(label).map(|odd| format!("{odd}; ")).unwrap_or_default();
            Err(odd + "only lower-case letters, digits and '-' are allowed")
        }
        [b'-', ..] | [.., b'-'] => Err("it begins or ends with '-'".into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_the_kubernetes_api() {
        for good in ["a", "team-a", "0", &"x".repeat(63)] {
            assert_eq!(Namespace::new(good).expect(good).as_str(), good);
        }
        for bad in ["", "-a", "a-", "Team", "a.b", "a_b", "a b", "ä", &"x".repeat(64)] {
            Namespace::new(bad).expect_err(bad);
        }
        SecretName::new("ecr.pull-1").expect("dots are allowed in object names");
        SecretName::new("x".repeat(64)).expect("object names may be longer than a label");
        for bad in ["ecr..pull", "ecr.-pull", &"x".repeat(254)] {
            SecretName::new(bad).expect_err(bad);
        }
    }

    #[test]
    fn a_repository_is_a_path_without_registry_tag_and_digest() {
        for good in ["app", "team/app", "a/b-c/d__e/f.g", "0/1"] {
            assert_eq!(RepositoryName::new(good).expect(good).as_str(), good);
        }
        let long = "a".repeat(256);
        for bad in ["", "/", "/app", "app/", "a//b", "App", "app:1", "a@sha256:0", "r:5000/a", "-a", "a?b", "..", &long]
        {
            RepositoryName::new(bad).expect_err(bad);
        }
    }

    #[test]
    fn the_error_for_an_invalid_name_contains_the_name_and_the_reason() {
        let error = Namespace::new("Team").expect_err("upper case");
        assert_eq!(
            error.to_string(),
            r#""Team" is not a namespace: only lower-case letters, digits and '-' are allowed"#
        );
    }
}
