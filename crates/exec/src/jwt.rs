//! The end of a JSON Web Token.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
}

/// Returns the claim `exp` of a token. The signature is not verified, because only the registry knows its key. Returns
/// `None` for other text, and for a token without an end.
pub(crate) fn end(token: &str) -> Option<SystemTime> {
    let [header, claims, _] = token.split('.').collect::<Vec<_>>().try_into().ok()?;
    serde_json::from_slice::<Map<String, Value>>(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    let seconds = serde_json::from_slice::<Claims>(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?.exp?;
    let since = Duration::try_from_secs_f64(seconds.max(0.0)).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(since)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn the_end_is_the_claim_exp() {
        for (claims, seconds) in [
            (r#"{"exp":1893456000}"#, Some(1_893_456_000)),
            (r#"{"exp":1893456000.9,"sub":"x"}"#, Some(1_893_456_000)),
            (r#"{"exp":0}"#, Some(0)),
            (r#"{"exp":-5}"#, Some(0)),
            (r#"{"exp":1e300}"#, None),
            (r#"{"exp":"1893456000"}"#, None),
            (r#"{"exp":null}"#, None),
            ("{}", None),
            ("[]", None),
            ("{", None),
        ] {
            let end = end(&token(r#"{"alg":"RS256"}"#, claims));
            let since = end.map(|end| end.duration_since(SystemTime::UNIX_EPOCH).expect("it is later").as_secs());
            assert_eq!(since, seconds, "{claims}");
        }
    }

    #[test]
    fn other_text_has_no_end() {
        let good = token("{}", r#"{"exp":1893456000}"#);
        assert!(end(&good).is_some());
        for bad in ["", "..", "a.b.c", "password", &format!("{good}.x"), &good[1..], &format!(" {good}")] {
            assert_eq!(end(bad), None, "{bad}");
        }
        assert_eq!(end(&token("7", r#"{"exp":1893456000}"#)), None, "its header is not an object");
    }

    proptest! {
        #[test]
        fn no_claims_panic(claims in r#"\{"exp":-?[0-9]{1,40}(\.[0-9]{0,20})?(e-?[0-9]{1,3})?\}"#) {
            let _ = end(&token("{}", &claims));
        }
    }
}
