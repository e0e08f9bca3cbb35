//! Reads and edits the `auths` of a Docker config.

use std::{collections::BTreeSet, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_core::{Error, Login, LoginSecret, Registry, Result};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use crate::{
    codes, entry,
    key::key,
    meaning::Meaning,
    text::{Changes, Text},
};

/// Registry logins in the format of `.dockerconfigjson`. Its `Debug` shows only the registries.
#[derive(Clone)]
pub struct DockerConfig {
    text: Text,
    /// A change that removes a key is only present if the text has that key.
    changes: Changes,
}

/// The part of a value of `auths` that holds the login.
#[derive(Deserialize)]
struct Auth {
    auth: String,
}

impl DockerConfig {
    /// Returns a config without logins.
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses a config from JSON.
    ///
    /// `null`, an `auths` of `null` and a missing `auths` all mean that there are no logins, as in Go.
    ///
    /// Fails with [`ErrorKind::Malformed`](regcred_core::ErrorKind::Malformed) if the config or its `auths` is not an
    /// object. Fails the same way if a field of either occurs twice.
    pub fn parse(json: &[u8]) -> Result<Self> {
        Ok(Self { text: Text::parse(json)?, changes: Changes::new() })
    }

    /// Sets the login of one registry. A new entry goes before the first registry that sorts after it.
    pub fn set(&mut self, registry: &Registry, username: &str, password: &SecretString) {
        let auth = STANDARD.encode(format!("{username}:{}", password.expose_secret()));
        // Base64 contains no character that JSON escapes.
        self.put(registry, format!(r#"{{"auth":"{auth}"}}"#));
    }

    /// Sets a login like [`set`](Self::set), with `username` and `password` beside `auth`. Some readers need these
    /// fields.
    pub fn set_in_full(&mut self, registry: &Registry, username: &str, password: &SecretString) {
        let auth = STANDARD.encode(format!("{username}:{}", password.expose_secret()));
        let entry = json!({ "username": username, "password": password.expose_secret(), "auth": auth });
        self.put(registry, entry.to_string());
    }

    /// Sets a login of any kind.
    ///
    /// A user name and password are written as by [`set`](Self::set). An identity token is written with the user name
    /// beside it. An entry is written byte for byte.
    ///
    /// Fails with [`ErrorKind::Malformed`](regcred_core::ErrorKind::Malformed) if the entry is not a JSON object.
    pub fn set_login(&mut self, registry: &Registry, login: &Login) -> Result<()> {
        match login.secret() {
            LoginSecret::Password(password) => self.set(registry, login.username(), password),
            LoginSecret::IdentityToken(token) => {
                let mut entry = json!({ "identitytoken": token.expose_secret() });
                if !login.username().is_empty() {
                    entry["auth"] = STANDARD.encode(format!("{}:", login.username())).into();
                }
                self.put(registry, entry.to_string());
            }
            LoginSecret::Entry(json) => {
                if !entry::is_object(json.expose_secret()) {
                    let error = Error::new(&codes::ENTRY, format!("cannot use the entry for {registry}"));
                    return Err(error.with_cause("it is not a JSON object"));
                }
                self.put(registry, json.expose_secret().trim().into());
            }
        }
        Ok(())
    }

    /// Copies the entry of a registry from another config, byte for byte. Returns whether that config has one.
    pub fn carry_over(&mut self, registry: &Registry, from: &Self) -> bool {
        from.entry(registry).map(|json| self.put(registry, json.into())).is_some()
    }

    fn put(&mut self, registry: &Registry, json: String) {
        self.changes.insert(key(registry).into(), Some(json));
    }

    /// Removes the entry of a registry. Returns whether there was one.
    pub fn remove(&mut self, registry: &Registry) -> bool {
        self.remove_key(key(registry))
    }

    fn remove_key(&mut self, key: &str) -> bool {
        let did = self.entry_of(key).is_some();
        if self.text.entry(key).is_some() {
            self.changes.insert(key.into(), None);
        } else {
            self.changes.remove(key);
        }
        did
    }

    /// Returns the entry of a registry as raw JSON. It is a secret: never log or print it.
    pub fn entry(&self, registry: &Registry) -> Option<&str> {
        self.entry_of(key(registry))
    }

    /// Returns the entry of any key of `auths` as raw JSON. It is a secret: never log or print it.
    pub fn entry_of(&self, key: &str) -> Option<&str> {
        match self.changes.get(key) {
            Some(change) => change.as_deref(),
            None => self.text.entry(key),
        }
    }

    /// Returns the aliases of these registries, each with its registry.
    ///
    /// An alias is a key that means a registry, or a part of it. The key that regcred writes is not an alias. A key
    /// that matches several registries belongs to the one with the longest path.
    ///
    /// A part whose login has another user than its registry is not an alias. regcred assumes that such a login is
    /// intentional.
    pub fn aliases<'a>(&self, registries: impl IntoIterator<Item = &'a Registry>) -> Vec<(String, &'a Registry)> {
        let registries = registries.into_iter().collect::<BTreeSet<_>>();
        let alias = |(name, json): (&str, &str)| {
            if registries.iter().any(|it| key(it) == name) {
                return None;
            }
            let meant = registries.iter().filter_map(|it| Some((Meaning::of(name, it)?, *it)));
            let (meaning, registry) = meant.max_by_key(|(_, registry)| registry.as_str().len())?;
            let same_user = || match (entry::user(json), self.entry(registry).and_then(entry::user)) {
                (Some(theirs), Some(ours)) => theirs == ours,
                _ => true,
            };
            (meaning == Meaning::Spelling || same_user()).then(|| (name.to_owned(), registry))
        };
        self.entries().filter_map(alias).collect()
    }

    /// Returns the [aliases](Self::aliases) that are other spellings of a whole registry, without parts of it.
    pub fn spellings<'a>(&self, registries: impl IntoIterator<Item = &'a Registry>) -> Vec<(String, &'a Registry)> {
        let mut aliases = self.aliases(registries);
        aliases.retain(|(key, registry)| Meaning::of(key, registry) == Some(Meaning::Spelling));
        aliases
    }

    /// Copies the entry of each registry to its [aliases](Self::aliases).
    pub fn renew_aliases<'a>(&mut self, registries: impl IntoIterator<Item = &'a Registry>) {
        self.renew(self.aliases(registries));
    }

    /// Copies the entry of each registry to its [spellings](Self::spellings).
    pub fn renew_spellings<'a>(&mut self, registries: impl IntoIterator<Item = &'a Registry>) {
        self.renew(self.spellings(registries));
    }

    fn renew(&mut self, keys: Vec<(String, &Registry)>) {
        for (key, registry) in keys {
            if let Some(json) = self.entry(registry).map(str::to_owned) {
                self.changes.insert(key, Some(json));
            }
        }
    }

    /// Removes every key that means this registry or a part of it, if `takes` accepts the key and its entry.
    pub fn remove_aliases(&mut self, registry: &Registry, takes: impl Fn(&str, &str) -> bool) {
        let is_one = |(key, json): &(&str, &str)| Meaning::of(key, registry).is_some() && takes(key, json);
        let keys = self.entries().filter(is_one).map(|(key, _)| key.to_owned()).collect::<Vec<_>>();
        for key in keys {
            self.remove_key(&key);
        }
    }

    /// Returns whether the config has no login and no field beside `auths`.
    pub fn is_empty(&self) -> bool {
        self.entries().next().is_none() && !self.text.has_more()
    }

    /// Returns the values of all fields beside `auths` with this name, ignoring case.
    pub(crate) fn beside(&self, name: &str) -> impl Iterator<Item = &str> {
        self.text.beside(name)
    }

    /// Returns the name and value of each field after `auths` that Go decodes into `auths` too.
    pub(crate) fn behind(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text.behind()
    }

    /// Returns the user name and password for a registry.
    ///
    /// Decodes a padded `auth` and splits it at the first colon. Returns `None` if there is no `auth` or it cannot be
    /// decoded.
    pub fn login(&self, registry: &Registry) -> Option<(String, SecretString)> {
        let entry = serde_json::from_str::<Auth>(self.entry(registry)?).ok()?;
        let pair = String::from_utf8(STANDARD.decode(entry.auth).ok()?).ok()?;
        pair.split_once(':').map(|(username, password)| (username.to_owned(), password.into()))
    }

    /// Returns the keys of `auths`, valid or not. Parsed keys keep their order, and new keys follow in sorted order.
    pub fn registries(&self) -> impl Iterator<Item = &str> {
        self.entries().map(|(name, _)| name)
    }

    /// Returns the registries whose entry has the [key](key()) that regcred would write.
    pub fn canonical(&self) -> impl Iterator<Item = Registry> {
        self.registries().filter_map(|name| Registry::new(name).ok().filter(|it| key(it) == name))
    }

    /// Returns the keys of `auths` whose entry the kubelet cannot read. The keys are unescaped, so escape them before
    /// you print them.
    ///
    /// One such entry makes the kubelet refuse the whole file, valid logins included. See
    /// `DockerConfigEntry.UnmarshalJSON` in its `pkg/credentialprovider`.
    ///
    /// The kubelet cannot read an entry in any of these cases:
    ///
    /// - The entry is not an object.
    /// - Its `auth`, `username`, `password` or `email` is not a string.
    /// - Its `auth` is not empty, and is not base64 of a text with a colon. Padding is optional.
    ///
    /// `null` counts as absent in all these places.
    pub fn unreadable(&self) -> Vec<String> {
        self.entries().filter(|(_, json)| !entry::is_readable(json)).map(|(name, _)| name.into()).collect()
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        let old = self.text.entries().filter_map(|(name, json)| match self.changes.get(name) {
            Some(change) => Some((name, change.as_deref()?)),
            None => Some((name, json)),
        });
        let new = self.changes.iter().filter(|(name, _)| self.text.entry(name).is_none());
        old.chain(new.filter_map(|(name, change)| Some((name.as_str(), change.as_deref()?))))
    }

    /// Returns the config as JSON. Only the changes differ from the text that was parsed.
    ///
    /// A changed login replaces only the value of its entry. A removed login takes its name and one comma with it. A
    /// new login goes before the first registry that sorts after it. The order of the calls does not matter.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.text.render(&self.changes).into_bytes()
    }
}

impl Default for DockerConfig {
    fn default() -> Self {
        Self::parse(br#"{"auths":{}}"#).expect("it is a Docker config")
    }
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
    use regcred_core::ErrorKind;

    use super::*;

    fn registry(key: &str) -> Registry {
        Registry::new(key).expect("valid")
    }

    #[test]
    fn set_in_full_also_writes_username_and_password() {
        let mut config = DockerConfig::new();
        config.set_in_full(&registry("r.example"), "AWS", &"a\"b".into());
        let json = serde_json::from_slice::<serde_json::Value>(&config.to_bytes()).expect("it is JSON");
        let entry = &json["auths"]["r.example"];
        assert_eq!((entry["username"].as_str(), entry["password"].as_str()), (Some("AWS"), Some("a\"b")));
        let (username, password) = config.login(&registry("r.example")).expect("a login");
        assert_eq!((username.as_str(), password.expose_secret()), ("AWS", "a\"b"));
        assert!(config.unreadable().is_empty());
    }

    #[test]
    fn a_written_login_is_readable_by_another_docker_config_parser() {
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
    fn docker_hub_uses_the_key_that_docker_login_writes() {
        let hub = registry("docker.io");
        let mut config = DockerConfig::parse(br#"{"auths":{"quay.io":{}}}"#).expect("valid");
        config.set(&hub, "u", &"p".into());
        let expected = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"},"quay.io":{}}}"#;
        assert_eq!(String::from_utf8(config.to_bytes()).expect("text"), expected);
        assert_eq!(config.login(&registry("index.docker.io")).expect("one registry").0, "u");
        assert_eq!(config.canonical().map(|it| it.to_string()).collect::<Vec<_>>(), ["quay.io", "docker.io"]);
        config.set(&registry("docker.io/team"), "u", &"p".into());
        assert!(config.entry_of("docker.io/team").is_some());
        assert!(config.remove(&hub) && config.entry_of("https://index.docker.io/v1/").is_none());
    }

    #[test]
    fn foreign_entries_keep_every_byte_and_their_order() {
        let before =
            r#"{"x" : [1, 2.50], "auths": { "b" : {"auth" : "\u0041" }, "a":{"auth":"old"} ,"c":null}, "y":{}}"#;
        let mut config = DockerConfig::parse(before.as_bytes()).expect("valid");
        config.set(&registry("a"), "u", &"p".into());
        config.set(&registry("d"), "u", &"p".into());
        let after = r#"{"x" : [1, 2.50], "auths": { "b" : {"auth" : "\u0041" }, "a":{"auth":"dTpw"} ,"c":null,"d":{"auth":"dTpw"}}, "y":{}}"#;
        assert_eq!(String::from_utf8(config.to_bytes()).expect("text"), after);
        assert!(config.remove(&registry("b")) && !config.remove(&registry("b")));
    }

    #[test]
    fn an_entry_is_carried_over_byte_for_byte() {
        let old = DockerConfig::parse(br#"{"auths":{"a":{"auth":"dTpw","extra" : 1}}}"#).expect("valid");
        let mut new = DockerConfig::new();
        assert!(new.carry_over(&registry("a"), &old) && !new.carry_over(&registry("b"), &old));
        assert_eq!(new.to_bytes(), br#"{"auths":{"a":{"auth":"dTpw","extra" : 1}}}"#);
    }

    #[test]
    fn an_invalid_docker_config_is_refused_without_being_quoted() {
        let bad: [&[u8]; _] = [
            b"",
            b"{",
            b"[]",
            b"\"canary\"",
            br#"{"auths":"canary"}"#,
            br#"{"auths":[]}"#,
            br#"{"auths":{},"auths":{}}"#,
            br#"{"auths":{"canary":1,"c\u0061nary":2}}"#,
            br#"{"auths":{}} canary"#,
            b"{\"canary\":\"\xff\"}",
            "\u{feff}{}".as_bytes(),
        ];
        for bad in bad {
            let error = DockerConfig::parse(bad).expect_err("it is not a Docker config");
            assert_eq!(error.kind(), ErrorKind::Malformed);
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
        for none in ["{}", "null", " null\n", r#"{"auths":null}"#] {
            assert_eq!(DockerConfig::parse(none.as_bytes()).expect("no logins").registries().count(), 0, "{none}");
        }
    }

    #[test]
    fn a_config_with_100_000_foreign_entries_can_be_edited() {
        let entries = (0..100_000).map(|number| format!("\"{number}\":{{}}")).collect::<Vec<_>>().join(",");
        let mut config = DockerConfig::parse(format!("{{\"auths\":{{{entries}}}}}").as_bytes()).expect("valid");
        assert!(config.remove(&registry("50000")) && config.registries().count() == 99_999);
        config.set(&registry("99999"), "u", &"p".into());
        assert!(config.login(&registry("99999")).is_some() && config.login(&registry("99998")).is_none());
        config.set(&registry("r.example"), "u", &"p".into());
        let json = config.to_bytes();
        assert!(json.ends_with(br#""99999":{"auth":"dTpw"},"r.example":{"auth":"dTpw"}}}"#));
        assert_eq!(DockerConfig::parse(&json).expect("valid").registries().count(), 100_000);
    }

    #[test]
    fn adding_and_removing_an_entry_restores_the_original_bytes() {
        for before in ["{\n}\n", r#"{"auths" : {"a" : 1}}"#, r#"{"auths":{}}"#] {
            let mut config = DockerConfig::parse(before.as_bytes()).expect(before);
            config.set(&registry("r.example"), "u", &"p".into());
            assert!(config.remove(&registry("r.example")) && !config.remove(&registry("r.example")));
            assert_eq!(String::from_utf8(config.to_bytes()).expect("text"), before);
        }
        assert_eq!(DockerConfig::new().to_bytes(), br#"{"auths":{}}"#);
    }

    #[test]
    fn the_list_of_unreadable_entries_follows_every_change() {
        let json = br#"{"auths":{"b":null,"c\n":{"auth":"?"},"a":{"auth":1},"good":{"auth":"dTpw"}}}"#;
        let mut config = DockerConfig::parse(json).expect("valid");
        assert_eq!(config.entry(&registry("a")), Some(r#"{"auth":1}"#));
        assert_eq!(config.unreadable(), ["c\n", "a"]);
        let old = config.clone();
        config.set(&registry("a"), "u", &"p".into());
        config.remove(&registry("b"));
        config.carry_over(&registry("good"), &DockerConfig::parse(br#"{"auths":{"good":7}}"#).expect("valid"));
        config.carry_over(&registry("new"), &DockerConfig::parse(br#"{"auths":{"new":7}}"#).expect("valid"));
        assert_eq!(config.unreadable(), ["c\n", "good", "new"]);
        assert_eq!((config.entry(&registry("b")), old.entry(&registry("b"))), (None, Some("null")));
        assert_eq!(config.registries().collect::<Vec<_>>(), ["c\n", "a", "good", "new"]);
    }

    #[test]
    fn debug_shows_no_entry() {
        let config = DockerConfig::parse(br#"{"auths":{"r.example":{"auth":"canary"}},"canary":1}"#).expect("valid");
        assert_eq!(format!("{config:?}"), r#"DockerConfig { registries: ["r.example"], .. }"#);
    }
}
