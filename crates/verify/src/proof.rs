//! The part of a login that a registry gets in a trial.

use base64::{
    Engine,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig},
};
use regcred_core::{Login, LoginSecret, SecretString};
use serde::Deserialize;

/// Standard base64. Entries that people write often have no padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

/// The secret that a registry gets in a trial.
pub(crate) enum Proof {
    /// A user and a password.
    Password {
        /// The user name.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A refresh token of the token server.
    IdentityToken(SecretString),
}

/// The fields of an entry of `auths` that contain a login.
#[derive(Deserialize)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

impl Proof {
    /// Returns the proof of a login. `None`: the login is an entry without a user and a password.
    pub(crate) fn of(login: &Login) -> Option<Self> {
        match login.secret() {
            LoginSecret::Password(password) => {
                Some(Self::Password { user: login.username().into(), password: password.clone() })
            }
            LoginSecret::IdentityToken(token) => Some(Self::IdentityToken(token.clone())),
            LoginSecret::Entry(_) => Self::of_entry(login.secret().expose()),
        }
    }

    /// Reads an entry as docker does: the token first, then `auth`, then the separate fields.
    fn of_entry(json: &str) -> Option<Self> {
        let Entry { auth, username, password, identitytoken } = serde_json::from_str(json).ok()?;
        let given = |text: Option<String>| text.filter(|it| !it.is_empty());
        if let Some(token) = given(identitytoken) {
            return Some(Self::IdentityToken(token.into()));
        }
        let (user, password) = match given(auth) {
            Some(auth) => pair(&auth)?,
            None => (given(username)?, given(password)?),
        };
        Some(Self::Password { user, password: password.into() })
    }
}

/// Decodes an `auth`. Old versions of docker fill the password up with NUL characters.
fn pair(auth: &str) -> Option<(String, String)> {
    let text = String::from_utf8(BASE64.decode(auth.replace(['\r', '\n'], "")).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    let password = password.trim_matches('\0');
    (!user.is_empty() && !password.is_empty()).then(|| (user.into(), password.into()))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
    use regcred_core::{ExposeSecret, Registry};

    use super::*;

    fn of(entry: &str) -> Option<(String, String)> {
        let login = Login::entry(vec![Registry::new("r.example").expect("valid")], entry.into()).expect("valid");
        Proof::of(&login).map(|proof| match proof {
            Proof::Password { user, password } => (user, password.expose_secret().to_owned()),
            Proof::IdentityToken(token) => (String::new(), token.expose_secret().to_owned()),
        })
    }

    #[test]
    fn an_entry_is_decoded_as_docker_does() {
        let auth = |text: &str| format!(r#"{{"auth":"{}"}}"#, STANDARD.encode(text));
        let known = |user: &str, secret: &str| Some((user.to_owned(), secret.to_owned()));
        for (entry, expected) in [
            (auth("u:p:q"), known("u", "p:q")),
            (auth("u:p\0\0"), known("u", "p")),
            (format!(r#"{{"auth":"{}"}}"#, STANDARD_NO_PAD.encode("u:p")), known("u", "p")),
            (r#"{"username":"u","password":"p","email":"e"}"#.into(), known("u", "p")),
            (r#"{"auth":"","username":"u","password":"p"}"#.into(), known("u", "p")),
            (format!(r#"{{"auth":"{}","identitytoken":"t"}}"#, STANDARD.encode("u:")), known("", "t")),
            (auth("u:"), None),
            (auth(":p"), None),
            (auth("up"), None),
            (r#"{"auth":"%%%"}"#.into(), None),
            (r#"{"username":"u"}"#.into(), None),
            (r#"{"auth":7}"#.into(), None),
            ("{}".into(), None),
            ("canary".into(), None),
        ] {
            assert_eq!(of(&entry), expected, "{entry}");
        }
    }
}
