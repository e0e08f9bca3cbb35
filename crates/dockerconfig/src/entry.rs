//! What the kubelet makes of one entry of `auths`.

use std::collections::BTreeMap;

use base64::{
    Engine, alphabet,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, NO_PAD, PAD},
};
use serde_json::value::RawValue;

/// Go's `StdEncoding` ignores bits that belong to no byte.
const PADDED: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT_PAD);
const LENIENT_PAD: GeneralPurposeConfig = PAD.with_decode_allow_trailing_bits(true);
/// Go's `RawStdEncoding`.
const UNPADDED: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT_NO_PAD);
const LENIENT_NO_PAD: GeneralPurposeConfig = NO_PAD.with_decode_allow_trailing_bits(true);

/// Whether it is an object whose fields are what `DockerConfigEntry.UnmarshalJSON` in Kubernetes asks for.
///
/// Names are compared as Go does it, without regard to case, and `null` is taken for absent.
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

/// Whether it is base64, as Go reads it, with a colon in it.
fn is_login(auth: &str) -> bool {
    let auth = auth.replace(['\r', '\n'], "");
    let decoded = if auth.ends_with('=') { PADDED.decode(&auth) } else { UNPADDED.decode(&auth) };
    decoded.is_ok_and(|pair| pair.contains(&b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each was given to Kubernetes' own code, which agrees.
    #[test]
    fn what_the_kubelet_refuses_is_unreadable() {
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
