//! Logins for registries. An invalid one cannot be constructed.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::{Error, Registry, Result, codes};

/// A user name and a secret, with every registry that they open.
#[derive(Clone)]
pub struct Login {
    registries: Vec<Registry>,
    username: String,
    secret: LoginSecret,
}

/// The secret of a login. `Debug` shows only its kind.
#[derive(Clone, Debug)]
pub enum LoginSecret {
    /// A password or an access token. Clients send it with the user name. It may have several lines, such as the key
    /// file of a Google service account.
    Password(SecretString),
    /// A refresh token of the registry, which clients exchange for access tokens: `identitytoken` in a Docker config.
    /// The kubelet cannot use it.
    IdentityToken(SecretString),
    /// A whole entry of `auths` as JSON, which is copied byte for byte.
    Entry(SecretString),
}

impl Login {
    /// Creates a login from a user name and a password.
    ///
    /// Returns [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) for no registry, an empty user name, or one with a
    /// colon or a control character. The same holds for a password that is empty or contains a NUL character. The error
    /// names the fault and does not quote the text.
    pub fn new(registries: Vec<Registry>, username: impl Into<String>, password: SecretString) -> Result<Self> {
        let username = username.into();
        if username.is_empty() || !is_username(&username) {
            return malformed("the user name is empty, or contains a colon or a control character");
        }
        Self::of(registries, username, LoginSecret::Password(password))
    }

    /// Creates a login from an identity token and a user name, which some registries require. The user name may be
    /// empty. Otherwise rejects the same input as [`Login::new`].
    pub fn identity_token(registries: Vec<Registry>, username: impl Into<String>, token: SecretString) -> Result<Self> {
        let username = username.into();
        if !is_username(&username) {
            return malformed("the user name contains a colon or a control character");
        }
        Self::of(registries, username, LoginSecret::IdentityToken(token))
    }

    /// Creates a login from an entry of the `auths` of a Docker config, which is copied unchanged. The user name is not
    /// read from the entry, so it is empty.
    ///
    /// Returns [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) for no registry and for an entry that is empty or
    /// contains a NUL character. The code that writes the entry checks that it is JSON.
    pub fn entry(registries: Vec<Registry>, json: SecretString) -> Result<Self> {
        Self::of(registries, String::new(), LoginSecret::Entry(json))
    }

    fn of(registries: Vec<Registry>, username: String, secret: LoginSecret) -> Result<Self> {
        if registries.is_empty() {
            return malformed("it has no registry");
        }
        let (what, text) = (secret.kind(), secret.expose());
        if text.is_empty() || text.contains('\0') {
            return malformed(&format!("the {what} is empty or contains a NUL character"));
        }
        Ok(Self { registries, username, secret })
    }

    /// Returns the same user name and secret for other registries. Returns
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) for no registry.
    pub fn for_registries(&self, registries: Vec<Registry>) -> Result<Self> {
        Self::of(registries, self.username.clone(), self.secret.clone())
    }

    /// Returns the registries that the login opens.
    pub fn registries(&self) -> &[Registry] {
        &self.registries
    }

    /// Returns the user name. Empty: there is none.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Returns the secret itself.
    pub fn secret(&self) -> &LoginSecret {
        &self.secret
    }

    /// Returns the password. `None`: the secret is of another kind.
    pub fn password(&self) -> Option<&SecretString> {
        match &self.secret {
            LoginSecret::Password(password) => Some(password),
            LoginSecret::IdentityToken(_) | LoginSecret::Entry(_) => None,
        }
    }
}

impl LoginSecret {
    fn kind(&self) -> &'static str {
        match self {
            Self::Password(_) => "password",
            Self::IdentityToken(_) => "identity token",
            Self::Entry(_) => "entry",
        }
    }

    /// Returns the text of the secret, of any kind.
    pub fn expose(&self) -> &str {
        match self {
            Self::Password(text) | Self::IdentityToken(text) | Self::Entry(text) => text.expose_secret(),
        }
    }
}

fn is_username(name: &str) -> bool {
    !name.contains(':') && !name.chars().any(char::is_control)
}

fn malformed<T>(reason: &str) -> Result<T> {
    Err(Error::new(&codes::CREDENTIAL, "cannot use the login").with_cause(reason))
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("registries", &self.registries)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;

    use super::*;

    fn registries() -> Vec<Registry> {
        vec![Registry::new("r.example").expect("valid")]
    }

    #[test]
    fn a_login_that_no_client_can_use_is_refused() {
        for (username, password) in [("", "x"), ("a:b", "x"), ("a\n", "x"), ("a", ""), ("a", "x\0")] {
            let error = Login::new(registries(), username, password.into()).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Malformed);
        }
        Login::new(vec![], "a", "b".into()).expect_err("no registry");
        Login::identity_token(registries(), "", "".into()).expect_err("no token");
        Login::identity_token(registries(), "a:b", "t".into()).expect_err("a colon in the user name");
        Login::entry(registries(), "".into()).expect_err("no entry");
    }

    #[test]
    fn colons_and_newlines_in_a_password_are_kept() {
        for password in ["with:colon", "{\n  \"type\": \"service_account\"\n}\r\n"] {
            let login = Login::new(registries(), "_json_key", password.into()).expect(password);
            assert_eq!(login.password().expect("it is one").expose_secret(), password);
        }
    }

    #[test]
    fn debug_shows_the_text_of_no_kind_of_secret() {
        let password = Login::new(registries(), "u", "canary".into()).expect("valid");
        let token = Login::identity_token(registries(), "", "canary".into()).expect("valid");
        let entry = Login::entry(registries(), "{\"auth\":\"canary\"}".into()).expect("valid");
        for login in [&password, &token, &entry] {
            let shown = format!("{login:?} {:?}", login.secret());
            assert!(login.secret().expose().contains("canary") && !shown.contains("canary"), "{shown}");
        }
        assert!(password.password().is_some() && token.password().is_none() && entry.password().is_none());
    }
}
