//! Cleans up pasted keys, which may have whitespace around them or a line break inside.

use aws_credential_types::Credentials;
use regcred_core::{Error, Result};

use crate::codes;

/// A part of a set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    AccessKey,
    SecretKey,
    SessionToken,
}

impl Part {
    /// Returns the name of this part in an answer.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AccessKey => "access key",
            Self::SecretKey => "secret key",
            Self::SessionToken => "session token",
        }
    }
}

/// Returns the keys without the whitespace around them. An empty session token counts as no session token.
///
/// Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) for an empty key, and for a character that no
/// AWS key contains. A header cannot carry a newline, and AWS rejects signatures made with other invalid characters.
/// `name` returns the name of a part at its origin. The value is not shown.
pub(crate) fn clean(keys: &Credentials, name: impl Fn(Part) -> String) -> Result<Credentials> {
    let part = |part, value: &str| check(value.trim(), || name(part)).map(|()| value.trim().to_owned());
    let token = keys.session_token().filter(|token| !token.trim().is_empty());
    let token = token.map(|token| part(Part::SessionToken, token)).transpose()?;
    let mut clean = Credentials::builder()
        .access_key_id(part(Part::AccessKey, keys.access_key_id())?)
        .secret_access_key(part(Part::SecretKey, keys.secret_access_key())?)
        .provider_name("regcred");
    clean.set_session_token(token);
    clean.set_expiry(keys.expiry());
    clean.set_account_id(keys.account_id().cloned());
    Ok(clean.build())
}

/// Fails for an empty value, and for a character that is not printable ASCII. The message gives the position of the
/// character, but not the character itself.
fn check(value: &str, name: impl Fn() -> String) -> Result<()> {
    let invalid = |what: String| Error::new(&codes::SETTING, format!("cannot use {}", name())).with_cause(what);
    if value.is_empty() {
        return Err(invalid("it is empty".into()));
    }
    let Some((place, odd)) = value.chars().enumerate().find(|(_, it)| !it.is_ascii_graphic()) else { return Ok(()) };
    let what = match odd {
        '\n' | '\r' => "a newline",
        it if it.is_whitespace() => "a blank",
        it if it.is_control() => "a control character",
        _ => "a character that is not ASCII",
    };
    Err(invalid(format!("it contains {what} at character {}", place + 1)))
}

#[cfg(test)]
mod tests {
    use regcred_core::ErrorKind;

    use super::*;

    const GOOD: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY=";

    fn keys(value: &str, part: Part) -> Credentials {
        let of = |it| if it == part { value.to_owned() } else { GOOD.to_owned() };
        let keys = Credentials::builder().access_key_id(of(Part::AccessKey)).secret_access_key(of(Part::SecretKey));
        keys.session_token(of(Part::SessionToken)).provider_name("test").build()
    }

    const PARTS: [Part; 3] = [Part::AccessKey, Part::SecretKey, Part::SessionToken];

    fn value(keys: &Credentials, part: Part) -> &str {
        match part {
            Part::AccessKey => keys.access_key_id(),
            Part::SecretKey => keys.secret_access_key(),
            Part::SessionToken => keys.session_token().unwrap_or_default(),
        }
    }

    #[test]
    fn whitespace_around_keys_is_trimmed() {
        for around in ["", " ", "\n", "\r\n", "\t", " \t ", "\u{a0}", "\u{3000}", "\u{2028}", "\n\n\n", "\u{b}"] {
            for part in PARTS {
                for pasted in [format!("{around}{GOOD}"), format!("{GOOD}{around}"), format!("{around}{GOOD}{around}")]
                {
                    let clean = clean(&keys(&pasted, part), |_| "it".into()).expect("it is trimmed");
                    assert_eq!(value(&clean, part), GOOD, "{around:?}");
                }
            }
        }
    }

    #[test]
    fn a_key_with_an_odd_character_is_refused_with_its_position_and_not_quoted() {
        let cases = [
            ("canary\nrest", "a newline at character 7"),
            ("canary\r\nrest", "a newline at character 7"),
            ("c\rx", "a newline at character 2"),
            ("ca nary", "a blank at character 3"),
            ("can\tary", "a blank at character 4"),
            ("can\u{a0}ary", "a blank at character 4"),
            ("can\0ary", "a control character at character 4"),
            ("canary\u{7f}x", "a control character at character 7"),
            ("\u{1b}[2Jcanary", "a control character at character 1"),
            ("can\u{e4}ry", "a character that is not ASCII at character 4"),
            ("\u{feff}canary", "a character that is not ASCII at character 1"),
            ("canary\u{200b}", "a character that is not ASCII at character 7"),
            ("\u{201c}canary\u{201d}", "a character that is not ASCII at character 1"),
            ("can\n\n\nary", "a newline at character 4"),
        ];
        for (pasted, what) in cases {
            for part in PARTS {
                let error = clean(&keys(pasted, part), |part| format!("the {} of x", part.name())).expect_err(what);
                assert_eq!(error.kind(), ErrorKind::Invalid);
                assert_eq!(error.chain(), format!("cannot use the {} of x: it contains {what}", part.name()));
            }
        }
    }

    #[test]
    fn an_empty_key_is_refused_and_an_empty_session_token_is_ignored() {
        for empty in ["", " ", "\n", "\r\n\t "] {
            for part in [Part::AccessKey, Part::SecretKey] {
                let error = clean(&keys(empty, part), |_| "KEY".into()).expect_err("it is empty");
                assert_eq!(error.chain(), "cannot use KEY: it is empty");
            }
            let clean = clean(&keys(empty, Part::SessionToken), |_| "KEY".into()).expect("it is none");
            assert_eq!(clean.session_token(), None);
        }
    }
}
