//! Names in a config that have a type of their own.

use std::{fmt::Display, str::FromStr};

use regcred_core::Registry;
use serde::{Deserialize, Deserializer, de::Error};

/// Reads a name, such as a namespace, for `#[serde(deserialize_with)]`. Fails with the reason if the name is not valid.
pub fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// Reads an optional name. See [`parsed`].
pub fn maybe_parsed<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    parsed(deserializer).map(Some)
}

/// Reads a list of registries, for `#[serde(deserialize_with)]`. Fails if it is empty, or names a registry twice.
///
/// An empty list is refused because it could mean every registry or none.
pub fn registries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Registry>, D::Error> {
    let mut registries = vec![];
    for text in Vec::<String>::deserialize(deserializer)? {
        let registry = Registry::new(text).map_err(D::Error::custom)?;
        if registries.contains(&registry) {
            return Err(D::Error::custom(format!("it names {registry} twice")));
        }
        registries.push(registry);
    }
    if registries.is_empty() {
        Err(D::Error::custom("it is empty: name a registry, or leave it out"))
    } else {
        Ok(registries)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::{IntoDeserializer, value};

    use super::*;

    fn read(names: &[&str]) -> Result<Vec<Registry>, value::Error> {
        registries(names.to_vec().into_deserializer())
    }

    #[test]
    fn registries_are_read_in_canonical_form() {
        let read = read(&["https://R.example/v2/", "docker.io"]).expect("two registries");
        assert_eq!(read.iter().map(Registry::as_str).collect::<Vec<_>>(), ["r.example", "docker.io"]);
    }

    #[test]
    fn an_empty_list_and_a_registry_twice_are_refused() {
        for bad in [&[][..], &["r.example", "https://r.example"], &["docker.io", "index.docker.io"], &["a b"]] {
            read(bad).expect_err("it is refused");
        }
    }
}
