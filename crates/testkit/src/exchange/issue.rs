//! Tokens that the fake issues.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use super::state::State;
use crate::id::uuid;

/// The text in every issued token, which must not appear in errors and logs.
pub(super) const CANARY: &str = "canary";

/// Issues an opaque access token.
pub(super) fn access(state: &mut State) -> String {
    let token = format!("{CANARY}.access-{}", uuid());
    state.access.insert(token.clone());
    token
}

/// Issues an opaque password.
pub(super) fn opaque(state: &mut State) -> String {
    let token = format!("{CANARY}.opaque-{}", uuid());
    state.issued.push(token.clone());
    // Some services accept a password as the proof of another exchange.
    state.access.insert(token.clone());
    token
}

/// Issues a JWT with `iat` and `exp`. Its signature is the canary.
pub(super) fn jwt(state: &mut State) -> String {
    let (start, life) = (seconds(state.now()), state.life.as_secs());
    let claims = json!({ "iat": start, "nbf": start, "exp": start + life, "jti": uuid() });
    let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let token = format!("{}.{}.{CANARY}", part(&json!({ "alg": "RS256", "typ": "JWT" })), part(&claims));
    state.issued.push(token.clone());
    token
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
