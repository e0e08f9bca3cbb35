//! Reads the expiry inside an ECR token.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

/// A later time is not the expiry of a token: it is in milliseconds, or a mistake.
const LATEST: u64 = 1 << 33; // in the year 2242

/// The lifetime of an ECR token.
pub const LIFE: Duration = Duration::from_hours(12);
/// The user name of every login with an ECR token.
pub const USER: &str = "AWS";

/// Returns the expiry that an ECR password contains. Returns `None` if it contains none, or if it is not an ECR
/// password.
///
/// A real password is base64 of JSON whose `expiration` is in seconds since 1970. AWS does not guarantee this format.
/// Use the result only to report on a Secret that another tool wrote, and never to make a decision.
pub fn ends_at(password: &str) -> Option<SystemTime> {
    let json = serde_json::from_slice::<Value>(&STANDARD.decode(password).ok()?).ok()?;
    let seconds = json["expiration"].as_u64().filter(|seconds| *seconds < LATEST)?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expiry_inside_a_password_is_read_if_it_is_valid() {
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
