//! Decodes one entry of `auths` as the kubelet and other readers do.

use std::collections::BTreeMap;

use base64::{
    Engine, alphabet,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, NO_PAD, PAD},
};
use serde_json::value::RawValue;

/// Ignores trailing bits that are not part of a byte, as Go's `StdEncoding` does.
const PADDED: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT_PAD);
const LENIENT_PAD: GeneralPurposeConfig = PAD.with_decode_allow_trailing_bits(true);
/// Decodes base64 without padding, as Go's `RawStdEncoding` does.
const UNPADDED: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT_NO_PAD);
const LENIENT_NO_PAD: GeneralPurposeConfig = NO_PAD.with_decode_allow_trailing_bits(true);

/// Returns whether `DockerConfigEntry.UnmarshalJSON` in Kubernetes can decode the entry.
///
/// Field names are compared without regard to case, as in Go, and `null` counts as absent.
pub(crate) fn is_readable(json: &str) -> bool {
    if json == "null" {
        return true;
    }
    let Ok(fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(json) else { return false };
    let mut present = fields.iter().filter(|(_, value)| value.get() != "null");
    present.all(|(name, value)| match name.to_ascii_lowercase().as_str() {
        "auth" => serde_json::from_str::<String>(value.get()).is_ok_and(|auth| auth.is_empty() || is_login(&auth)),
        "username" | "password" | "email" => value.get().starts_with('"'),
        _ => true,
    })
}

/// Returns whether an object has no login: no `auth`, no `password` and no token with a text. `docker login` with a
/// credential helper writes such entries.
pub(crate) fn is_empty(json: &str) -> bool {
    let Ok(fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(json) else { return false };
    let mut present = fields.iter().filter(|(_, value)| !["null", "\"\""].contains(&value.get()));
    !present.any(|(name, _)| SECRETS.iter().any(|it| name.eq_ignore_ascii_case(it)))
}

/// The fields of an entry that can hold a secret.
const SECRETS: [&str; 4] = ["auth", "password", "identitytoken", "registrytoken"];

/// Returns whether the text is a JSON object.
pub(crate) fn is_object(json: &str) -> bool {
    serde_json::from_str::<BTreeMap<String, &RawValue>>(json).is_ok()
}

/// Returns whether Go can decode the entry: it is `null`, or an object in which these fields are strings or `null`.
pub(crate) fn has_texts(json: &str, names: &[&str]) -> bool {
    let Ok(fields) = serde_json::from_str::<Option<BTreeMap<String, &RawValue>>>(json) else { return false };
    let is_text = |name: &String| names.iter().any(|it| it.eq_ignore_ascii_case(name));
    let mut texts = fields.iter().flatten().filter(|(name, _)| is_text(name));
    texts.all(|(_, value)| value.get().starts_with('"') || value.get() == "null")
}

/// Returns whether docker can decode the `auth`: it is absent, or padded base64 of a user name and a colon.
pub(crate) fn is_valid_for_docker(json: &str) -> bool {
    let Ok(Some(fields)) = serde_json::from_str::<Option<BTreeMap<String, &RawValue>>>(json) else { return true };
    let auths = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("auth"));
    let mut auths = auths.filter_map(|(_, value)| serde_json::from_str::<String>(value.get()).ok());
    let is_login = |auth: String| {
        let pair = PADDED.decode(auth.replace(['\r', '\n'], ""));
        auth.is_empty() || pair.is_ok_and(|pair| pair.iter().position(|it| *it == b':').is_some_and(|at| at > 0))
    };
    auths.all(is_login)
}

/// Returns the user name of a login from its `auth` or, without `auth`, from its `username`.
///
/// Returns `None` if the entry has no readable login.
pub(crate) fn user(json: &str) -> Option<String> {
    let fields = serde_json::from_str::<BTreeMap<String, &RawValue>>(json).ok()?;
    let text = |name: &str| {
        let (_, value) = fields.iter().find(|(it, _)| it.eq_ignore_ascii_case(name))?;
        serde_json::from_str::<String>(value.get()).ok().filter(|it| !it.is_empty())
    };
    match text("auth") {
        Some(auth) => {
            let pair = decoded(&auth)?;
            let user = pair.split(|byte| *byte == b':').next().filter(|user| user.len() < pair.len())?;
            Some(String::from_utf8_lossy(user).into_owned())
        }
        None => text("username"),
    }
}

/// Returns whether the text is base64 with a colon in it, as Go decodes it.
fn is_login(auth: &str) -> bool {
    decoded(auth).is_some_and(|pair| pair.contains(&b':'))
}

/// Decodes base64 with or without padding, as Go does.
fn decoded(auth: &str) -> Option<Vec<u8>> {
    let auth = auth.replace(['\r', '\n'], "");
    if auth.ends_with('=') { PADDED.decode(&auth).ok() } else { UNPADDED.decode(&auth).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_comes_from_auth_or_else_from_username() {
        let cases = [
            (r#"{"auth":"QVdTOm9sZA=="}"#, Some("AWS")),
            (r#"{"AUTH":"QVdTOm9sZA"}"#, Some("AWS")),
            (r#"{"username":"AWS","password":"x"}"#, Some("AWS")),
            (r#"{"username":"u","auth":"QVdTOm9sZA=="}"#, Some("AWS")),
            (r#"{"username":"u","auth":""}"#, Some("u")),
            (r#"{"username":"u","auth":"%%%"}"#, None),
            (r#"{"auth":"Zm9v"}"#, None),
            (r#"{"username":5}"#, None),
            ("{}", None),
            ("7", None),
            ("null", None),
        ];
        for (json, expected) in cases {
            assert_eq!(user(json).as_deref(), expected, "{json}");
        }
    }

    /// Kubernetes' own code was run on each of these cases and gave the same result.
    #[test]
    fn an_entry_that_the_kubelet_refuses_is_unreadable() {
        let readable = [
            "{}",
            r#"{"auth":""}"#,
            r#"{"auth":"dTpw"}"#,
            r#"{"auth":"dTpwcQ=="}"#,
            r#"{"auth":"dTpwcQ"}"#,
            r#"{"auth":"dTpwcR=="}"#,
            r#"{"auth":"dTpwcR"}"#,
            r#"{"auth":"dTpw\ncQ==\n"}"#,
            r#"{"auth":"/zr/"}"#,
            r#"{"auth":"\u0064Tpw"}"#,
            r#"{ "username" : "\ud800" , "password":"","email":"a@b" }"#,
            r#"{"other":[{}],"identitytoken":5}"#,
            r#"{"auth":null}"#,
            "null",
        ];
        let unreadable = [
            "[]",
            "1",
            r#""dTpw""#,
            r#"{"auth":"dTpwcQ="}"#,
            r#"{"auth":"dTpwcQ== "}"#,
            r#"{"auth":" dTpw"}"#,
            r#"{"auth":"\n"}"#,
            r#"{"auth":"dQ=="}"#,
            r#"{"auth":"_zr_"}"#,
            r#"{"auth":"\ud800"}"#,
            r#"{"auth":5}"#,
            r#"{"Auth":5}"#,
            r#"{"AUTH":"!"}"#,
            r#"{"username":5}"#,
            r#"{"password":[]}"#,
            r#"{"email":5}"#,
        ];
        for json in readable {
            assert!(is_readable(json), "{json}");
        }
        for json in unreadable {
            assert!(!is_readable(json), "{json}");
        }
    }
}
