//! Temporary keys, in the shape that all credential sources return.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::now::rfc3339;

const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
pub(super) const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Temporary keys. The `Debug` form hides the secret key and the session token.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// The access key id. It starts with `ASIA` and differs each time.
    pub access_key: String,
    /// The key that signs requests.
    pub secret_key: String,
    /// The token that requests with these keys must carry.
    pub session_token: String,
    /// The expiry in the response, in whole seconds.
    pub expires_at: SystemTime,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("access_key", &self.access_key)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Keys {
    pub(super) fn mint(now: SystemTime, life: Duration) -> Self {
        let end = (now + life).duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            access_key: format!("ASIA{}", random(16, UPPER)),
            secret_key: random(40, BASE64),
            session_token: random(356, BASE64),
            expires_at: UNIX_EPOCH + Duration::from_secs(end.as_secs()),
        }
    }

    /// Returns the expiry in the format of AWS.
    pub(super) fn expiration(&self) -> String {
        rfc3339(self.expires_at)
    }
}

/// Returns `length` random characters of an alphabet.
pub(super) fn random(length: usize, alphabet: &[u8]) -> String {
    (0..length).map(|_| char::from(alphabet[fastrand::usize(..alphabet.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_hide_their_secrets() {
        let mint = || Keys::mint(UNIX_EPOCH, Duration::from_hours(1));
        let (one, two) = (mint(), mint());
        assert!(one.access_key != two.access_key && one.session_token != two.session_token);
        assert!(one.access_key.len() == 20 && one.access_key.starts_with("ASIA") && one.secret_key.len() == 40);
        let shown = format!("{one:?}");
        assert!(!shown.contains(&one.secret_key) && !shown.contains(&one.session_token), "{shown}");
    }
}
