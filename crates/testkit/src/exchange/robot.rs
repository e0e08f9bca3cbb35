//! Quay, JFrog, and a service that follows RFC 8693.

use serde_json::{Value, json};

use super::{
    call::{Call, exact},
    issue,
    refusal::Refusal,
    state::State,
};

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Issues a token of a robot account that trusts the issuer of a JWT.
pub(super) fn quay(call: &Call, state: &mut State) -> Result<Value, Refusal> {
    let (user, token) = call.basic()?;
    if user.split('+').count() != 2 {
        return Err(Refusal::Unauthorized);
    }
    state.accept(&token, Refusal::Unauthorized)?;
    Ok(json!({ "token": issue::jwt(state) }))
}

/// Exchanges a JWT by an OIDC integration of the platform.
pub(super) fn jfrog(call: &Call, state: &mut State) -> Result<Value, Refusal> {
    let body = call.json()?;
    let text = |name: &str| body[name].as_str().filter(|it| !it.is_empty()).unwrap_or_default();
    let fields = body.as_object().map_or(0, serde_json::Map::len);
    let is_valid = fields == 4
        && text("grant_type") == TOKEN_EXCHANGE
        && text("subject_token_type") == "urn:ietf:params:oauth:token-type:id_token"
        && !text("provider_name").is_empty();
    if !is_valid {
        return Err(Refusal::Request);
    }
    state.accept(text("subject_token"), Refusal::Unauthorized)?;
    let (token, life) = (issue::jwt(state), state.life.as_secs());
    Ok(json!({
        "access_token": token, "token_type": "Bearer", "expires_in": life, "username": "robot",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }))
}

/// Exchanges a JWT by RFC 8693.
pub(super) fn oidc(call: &Call, state: &mut State) -> Result<Value, Refusal> {
    let fixed = [("grant_type", TOKEN_EXCHANGE), ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt")];
    let [subject] = exact(call.form()?, &fixed, ["subject_token"])?;
    state.accept(&subject, Refusal::Grant)?;
    let (token, life) = (issue::jwt(state), state.life.as_secs());
    Ok(json!({
        "access_token": token, "token_type": "Bearer", "expires_in": life, "login": "robot",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }))
}
