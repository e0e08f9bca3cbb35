//! Azure: Microsoft Entra, the metadata server, and the exchange of a container registry.

use serde_json::{Value, json};

use super::{
    call::{Call, exact},
    issue,
    refusal::Refusal,
    state::State,
};

/// Describes the endpoints of a tenant. Microsoft's own clients look them up.
pub(super) fn discovery(call: &Call, _: &mut State) -> Result<Value, Refusal> {
    let tenant = call.path().split('/').nth(1).ok_or(Refusal::NotFound)?;
    let base = format!("https://{}/{tenant}", call.header("host"));
    Ok(json!({
        "issuer": format!("{base}/v2.0"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
    }))
}

/// Issues an access token by client credentials, with an assertion or a secret.
pub(super) fn login(call: &Call, state: &mut State) -> Result<Value, Refusal> {
    let mut form = call.form()?;
    // Microsoft's own clients also ask for the account of a person, which an application does not have.
    if form.get("client_info").is_some_and(|it| it == "1") {
        form.remove("client_info");
    }
    let mut fixed =
        vec![("grant_type", "client_credentials"), ("scope", "https://containerregistry.azure.net/.default")];
    let proof = if form.contains_key("client_assertion") {
        fixed.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
        "client_assertion"
    } else {
        "client_secret"
    };
    let [_, secret] = exact(form, &fixed, ["client_id", proof])?;
    state.accept(&secret, Refusal::Client)?;
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
