//! The `auths` of a Docker config.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_core::{Error, ErrorKind, Registry, Result};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;

use crate::fields::Fields;

const AUTHS: &str = "auths";

/// Registry logins as `.dockerconfigjson` holds them. Its `Debug` shows the registries alone.
#[derive(Clone, Default)]
pub struct DockerConfig {
    top: Fields,
    auths: Fields,
}

/// What one value of `auths` holds, as far as it concerns us.
#[derive(Deserialize, Serialize)]
struct Auth {
    auth: String,
}

impl DockerConfig {
    /// One without any login.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one. [`ErrorKind::Malformed`] if it is not an object with an object `auths`; a missing `auths` is an empty one.
    pub fn parse(json: &[u8]) -> Result<Self> {
        let top = serde_json::from_slice::<Fields>(json).map_err(|error| malformed("the Docker config", &error))?;
        let auths = top.get(AUTHS).map(|auths| serde_json::from_str(auths.get())).transpose();
        Ok(Self { auths: auths.map_err(|error| malformed("its `auths`", &error))?.unwrap_or_default(), top })
    }

    /// Sets the login of one registry, in its old place or at the end.
    ///
    /// # Panics
    ///
    /// Never: a struct of one string always serialises.
    pub fn set(&mut self, registry: &Registry, username: &str, password: &SecretString) {
        let auth = STANDARD.encode(format!("{username}:{}", password.expose_secret()));
        self.auths.set(registry.as_str(), to_raw_value(&Auth { auth }).expect("a struct of one string serialises"));
    }

    /// Takes over from another config what stands there for a registry, byte for byte; whether anything did.
    pub fn carry_over(&mut self, registry: &Registry, from: &Self) -> bool {
        let value = from.auths.get(registry.as_str()).map(ToOwned::to_owned);
        value.map(|value| self.auths.set(registry.as_str(), value)).is_some()
    }

    /// Removes what stands there for a registry; whether anything did.
    pub fn remove(&mut self, registry: &Registry) -> bool {
        self.auths.remove(registry.as_str())
    }

    /// User name and password for a registry, from a padded `auth` that is split at its first colon; `None` if there is none
    /// or it cannot be read.
    pub fn login(&self, registry: &Registry) -> Option<(String, SecretString)> {
        let entry = serde_json::from_str::<Auth>(self.auths.get(registry.as_str())?.get()).ok()?;
        let pair = String::from_utf8(STANDARD.decode(entry.auth).ok()?).ok()?;
        pair.split_once(':').map(|(username, password)| (username.to_owned(), password.into()))
    }

    /// The keys of `auths`, valid or not, in their order.
    pub fn registries(&self) -> impl Iterator<Item = &str> {
        self.auths.names()
    }

    /// As JSON, in its old order.
    ///
    /// # Panics
    ///
    /// Never: what was JSON before is JSON again.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut top = self.top.clone();
        top.set(AUTHS, to_raw_value(&self.auths).expect("raw JSON serialises"));
        serde_json::to_vec(&top).expect("raw JSON serialises")
    }
}

/// Where and how it fails to be what it should; serde's own message would quote it.
fn malformed(what: &str, error: &serde_json::Error) -> Error {
    let how = match error.classify() {
        serde_json::error::Category::Data => "is not an object with every field once",
        serde_json::error::Category::Eof => "ends too early",
        serde_json::error::Category::Io | serde_json::error::Category::Syntax => "is not valid JSON",
    };
    Error::new(ErrorKind::Malformed, format!("{what} {how} (line {}, column {})", error.line(), error.column()))
}

impl fmt::Debug for DockerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerConfig")
            .field("registries", &self.registries().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(key: &str) -> Registry {
        Registry::new(key).expect("valid")
    }

    #[test]
    fn what_is_set_is_read_back_by_others() {
        let mut config = DockerConfig::new();
        config.set(&registry("r.example"), "AWS", &"with:colon".into());
        let json = config.to_bytes();
        assert_eq!(json, br#"{"auths":{"r.example":{"auth":"QVdTOndpdGg6Y29sb24="}}}"#);
        let read = docker_credential::get_credential_from_reader(json.as_slice(), "r.example").expect("another reader");
        let docker_credential::DockerCredential::UsernamePassword(username, password) = read else {
            panic!("{read:?}")
        };
        assert_eq!((username.as_str(), password.as_str()), ("AWS", "with:colon"));
        let (username, password) = config.login(&registry("r.example")).expect("ours");
        assert_eq!((username.as_str(), password.expose_secret()), ("AWS", "with:colon"));
    }

    #[test]
    fn what_others_wrote_keeps_every_byte_and_its_place() {
        let before =
            r#"{"x" : [1, 2.50], "auths": { "b" : {"auth" : "\u0041" }, "a":{"auth":"old"} ,"c":null}, "y":{}}"#;
        let mut config = DockerConfig::parse(before.as_bytes()).expect("valid");
        config.set(&registry("a"), "u", &"p".into());
        config.set(&registry("d"), "u", &"p".into());
        let after = r#"{"x":[1, 2.50],"auths":{"b":{"auth" : "\u0041" },"a":{"auth":"dTpw"},"c":null,"d":{"auth":"dTpw"}},"y":{}}"#;
        assert_eq!(String::from_utf8(config.to_bytes()).expect("text"), after);
        assert!(config.remove(&registry("b")) && !config.remove(&registry("b")));
    }

    #[test]
    fn an_entry_is_carried_over_as_it_stands() {
        let old = DockerConfig::parse(br#"{"auths":{"a":{"auth":"dTpw","extra" : 1}}}"#).expect("valid");
        let mut new = DockerConfig::new();
        assert!(new.carry_over(&registry("a"), &old) && !new.carry_over(&registry("b"), &old));
        assert_eq!(new.to_bytes(), br#"{"auths":{"a":{"auth":"dTpw","extra" : 1}}}"#);
    }

    #[test]
    fn what_is_no_docker_config_is_refused_without_being_quoted() {
        let bad =
            ["", "{", "[]", "\"canary\"", r#"{"auths":"canary"}"#, r#"{"auths":[]}"#, r#"{"auths":{},"auths":{}}"#];
        for bad in bad {
            let error = DockerConfig::parse(bad.as_bytes()).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Malformed);
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
        assert_eq!(DockerConfig::parse(b"{}").expect("no logins").registries().count(), 0);
    }

    #[test]
    fn a_hundred_thousand_entries_of_others_are_no_burden() {
        let entries = (0..100_000).map(|number| format!("\"{number}\":{{}}")).collect::<Vec<_>>().join(",");
        let mut config = DockerConfig::parse(format!("{{\"auths\":{{{entries}}}}}").as_bytes()).expect("valid");
        assert!(config.remove(&registry("50000")) && config.registries().count() == 99_999);
        config.set(&registry("99999"), "u", &"p".into());
        assert!(config.login(&registry("99999")).is_some() && config.login(&registry("99998")).is_none());
    }

    #[test]
    fn debug_shows_no_entry() {
        let config = DockerConfig::parse(br#"{"auths":{"r.example":{"auth":"canary"}},"canary":1}"#).expect("valid");
        assert_eq!(format!("{config:?}"), r#"DockerConfig { registries: ["r.example"], .. }"#);
    }
}
