//! What a provider mints. An unvalidated one cannot exist.

use std::{collections::BTreeSet, fmt};

use secrecy::{ExposeSecret, SecretString};

use crate::{Error, ErrorKind, Registry, Result, Validity};

/// One user name and password, with every registry they are good for.
#[derive(Clone)]
pub struct Login {
    registries: Vec<Registry>,
    username: String,
    password: SecretString,
}

impl Login {
    /// Refuses as [`ErrorKind::Malformed`]: no registry, an empty or unprintable user name or password, a colon in the user
    /// name. The error shows what is wrong, never the text.
    pub fn new(registries: Vec<Registry>, username: impl Into<String>, password: SecretString) -> Result<Self> {
        let username = username.into();
        let malformed = |reason| Err(Error::new(ErrorKind::Malformed, reason));
        if registries.is_empty() {
            return malformed("the login names no registry");
        }
        if username.is_empty() || username.contains(':') || username.chars().any(char::is_control) {
            return malformed("the user name is empty, or contains a colon or a control character");
        }
        if password.expose_secret().is_empty() || password.expose_secret().chars().any(char::is_control) {
            return malformed("the password is empty or contains a control character");
        }
        Ok(Self { registries, username, password })
    }

    /// The keys it is stored under.
    pub fn registries(&self) -> &[Registry] {
        &self.registries
    }

    /// Such as `AWS`.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The secret itself.
    pub fn password(&self) -> &SecretString {
        &self.password
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("registries", &self.registries)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// What one mint returns: one login from ECR, several from a source that knows several registries.
#[derive(Clone, Debug)]
pub struct RegistryCredential {
    logins: Vec<Login>,
    validity: Validity,
}

impl RegistryCredential {
    /// Refuses as [`ErrorKind::Malformed`]: no login, or one registry twice.
    pub fn new(logins: Vec<Login>, validity: Validity) -> Result<Self> {
        if logins.is_empty() {
            return Err(Error::new(ErrorKind::Malformed, "the credential holds no login"));
        }
        let mut seen = BTreeSet::new();
        for registry in logins.iter().flat_map(Login::registries) {
            if !seen.insert(registry) {
                return Err(Error::new(ErrorKind::Malformed, format!("the credential names {registry} twice")));
            }
        }
        Ok(Self { logins, validity })
    }

    /// The logins, in the provider's order.
    pub fn logins(&self) -> &[Login] {
        &self.logins
    }

    /// From when to when it works.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Every registry it is good for.
    pub fn registries(&self) -> impl Iterator<Item = &Registry> {
        self.logins.iter().flat_map(Login::registries)
    }

    /// The same user name, password and validity under other keys: one token often opens more registries than it names.
    /// Refuses as [`ErrorKind::Malformed`] a credential of several logins: nobody could say which is meant.
    pub fn for_registries(&self, registries: Vec<Registry>) -> Result<Self> {
        let [login] = self.logins.as_slice() else {
            return Err(Error::new(
                ErrorKind::Malformed,
                "a credential of several logins has no single owner of a registry",
            ));
        };
        Self::new(vec![Login::new(registries, &login.username, login.password.clone())?], self.validity)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn login(registry: &str) -> Login {
        Login::new(vec![Registry::new(registry).expect("valid")], "AWS", "canary".into()).expect("valid")
    }

    #[test]
    fn no_debug_output_shows_the_password() {
        let validity = Validity::new(SystemTime::UNIX_EPOCH, None).expect("valid");
        let credential = RegistryCredential::new(vec![login("r.example")], validity).expect("valid");
        let shown = format!("{credential:?}");
        assert!(shown.contains("r.example") && shown.contains("AWS") && !shown.contains("canary"), "{shown}");
    }

    #[test]
    fn what_no_client_could_use_is_refused() {
        let registries = || vec![Registry::new("r.example").expect("valid")];
        for (username, password) in [("", "x"), ("a:b", "x"), ("a\n", "x"), ("a", ""), ("a", "x\0")] {
            let error = Login::new(registries(), username, password.into()).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Malformed);
        }
        Login::new(registries(), "a", "with:colon".into()).expect("a colon in the password is fine");
        Login::new(vec![], "a", "b".into()).expect_err("no registry");
        let validity = Validity::new(SystemTime::UNIX_EPOCH, None).expect("valid");
        RegistryCredential::new(vec![], validity).expect_err("no login");
        RegistryCredential::new(vec![login("r.example"), login("r.example")], validity).expect_err("twice");
    }
}
