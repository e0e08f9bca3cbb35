//! What a token of ECR says of itself.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

/// Later than this it is no date of a token: milliseconds, or a mistake.
const LATEST: u64 = 1 << 33; // in the year 2242

/// How long a token of ECR lives.
pub const LIFE: Duration = Duration::from_hours(12);
/// The user of every login with one.
pub const USER: &str = "AWS";

/// When a password of ECR ends, as it says itself; `None` if it does not, or is none.
///
/// A real one is base64 of JSON whose `expiration` is in seconds since 1970. AWS does not promise that: it is for telling how a
/// Secret stands that somebody else has written, and nothing is decided by it.
pub fn ends_at(password: &str) -> Option<SystemTime> {
    let json = serde_json::from_slice::<Value>(&STANDARD.decode(password).ok()?).ok()?;
    let seconds = json["expiration"].as_u64().filter(|seconds| *seconds < LATEST)?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_says_when_it_ends_or_it_says_nothing() {
        let ends = |json: &str| ends_at(&STANDARD.encode(json));
        let real = r#"{"payload":"cGF5","datakey":"a2V5","version":"2","type":"DATA_KEY","expiration":1757147299}"#;
        assert_eq!(ends(real), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_757_147_299)));
        for nothing in ["{}", "", "7", "[]", r#"{"expiration":"1757147299"}"#, r#"{"expiration":1757147299000}"#] {
            assert_eq!(ends(nothing), None, "{nothing}");
        }
        assert_eq!(ends_at("not base64"), None);
        assert_eq!(ends(r#"{"expiration":-5}"#), None);
    }
}
