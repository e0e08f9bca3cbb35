//! Azure: Microsoft Entra, the metadata server, and the exchange of a container registry.

use serde_json::{Value, json};

use super::{
    call::{Call, exact},
    issue,
    route::Refusal,
    state::State,
};

/// Issues an access token by client credentials, with an assertion or a secret.
pub(super) fn login(call: &Call, state: &mut State) -> Result<Value, Refusal> {
    let form = call.form()?;
    let mut fixed =
        vec![("grant_type", "client_credentials"), ("scope", "https://containerregistry.azure.net/.default")];
    let (proof, refusal) = if form.contains_key("client_assertion") {
        fixed.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
        ("client_assertion", Refusal::Client)
    } else {
        ("client_secret", Refusal::Client)
    };
    let [_, secret] = exact(form, &fixed, ["client_id", proof])?;
    state.accept(&secret, refusal)?;
    let life = state.life.as_secs();
    Ok(
        json!({ "token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": issue::access(state) }),
    )
}

/// Issues an access token of the machine's managed identity.
pub(super) fn metadata(call: &Call, state: &mut State) -> Result<Value, Refusal> {
    let mut query = call.query()?;
    query.remove("client_id");
    let fixed = [("api-version", "2018-02-01"), ("resource", "https://containerregistry.azure.net")];
    let [] = exact(query, &fixed, [])?;
    if call.header("metadata") != "true" {
        return Err(Refusal::Request);
    }
    let life = state.life.as_secs().to_string();
    Ok(json!({ "access_token": issue::access(state), "expires_in": life, "token_type": "Bearer" }))
}

/// Exchanges an access token for a refresh token of a registry.
pub(super) fn exchange(call: &Call, state: &mut State) -> Result<Value, Refusal> {
    let mut form = call.form()?;
    form.remove("tenant");
    let [service, token] = exact(form, &[("grant_type", "access_token")], ["service", "access_token"])?;
    if !service.contains(".azurecr.") {
        return Err(Refusal::Request);
    }
    if !state.access.contains(&token) {
        return Err(Refusal::Unauthorized);
    }
    Ok(json!({ "refresh_token": issue::jwt(state) }))
}
