//! The dates in a JSON Web Token. The signature is not verified, because only the registry uses the token.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// The dates of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dates {
    pub(crate) issued_at: Option<SystemTime>,
    pub(crate) expires_at: SystemTime,
}

/// Returns the claim `exp` of a JSON Web Token. `None`: the text is no such token, or the token has no end.
///
/// The signature is not verified.
pub fn expires_at(token: &str) -> Option<SystemTime> {
    dates(token).map(|dates| dates.expires_at)
}

/// Returns the claims `iat` and `exp`. `None`: the text is not a token with an `exp`.
pub(crate) fn dates(token: &str) -> Option<Dates> {
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let claims = serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?).ok()?;
    Some(Dates { issued_at: date(&claims["iat"]), expires_at: date(&claims["exp"])? })
}

/// Converts a number of seconds. Some issuers add a fraction.
fn date(value: &Value) -> Option<SystemTime> {
    let since = Duration::try_from_secs_f64(value.as_f64()?).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn dates_are_read_from_the_claims() {
        let seconds = |it| SystemTime::UNIX_EPOCH + Duration::from_secs(it);
        let both = Dates { issued_at: Some(seconds(5)), expires_at: seconds(9) };
        assert_eq!(dates(&token("{\"iat\":5,\"exp\":9}")), Some(both));
        assert_eq!(dates(&token("{\"exp\":9.0}")), Some(Dates { issued_at: None, ..both }));
        for bad in ["{}", "[]", "{\"exp\":\"9\"}", "{\"exp\":-1}", "{\"exp\":1e300}", "{\"exp\":null}", "canary"] {
            assert_eq!(dates(&token(bad)), None, "{bad}");
        }
        for bad in ["", "a.b", "a.b.c", "a.!.c", "e30.e30.e30.e30", "....."] {
            assert_eq!(dates(bad), None, "{bad}");
        }
    }
}
