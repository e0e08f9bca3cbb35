//! Google: the Security Token Service, service accounts, and the metadata server.

use serde_json::{Value, json};

use super::{
    call::{Call, exact},
    issue,
    refusal::Refusal,
    state::State,
};
use crate::now::rfc3339;

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The scope of a token that only impersonates a service account.
const IAM: &str = "https://www.googleapis.com/auth/iam";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Exchanges a JWT of a workload identity pool: <https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token>.
pub(super) fn exchange(call: &Call, state: &mut State) -> Result<Value, Refusal> {
    let fixed = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("requested_token_type", ACCESS_TOKEN),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
    ];
    let [audience, subject, scope] = exact(call.form()?, &fixed, ["audience", "subject_token", "scope"])?;
    if ![SCOPE, IAM].contains(&scope.as_str()) {
        return Err(Refusal::Request);
    }
    let parts = audience.split('/').collect::<Vec<_>>();
    let [
        "",
        "",
        "iam.googleapis.com",
        "projects",
        _,
        "locations",
        "global",
        "workloadIdentityPools",
        _,
        "providers",
        _,
    ] = parts[..]
    else {
        return Err(Refusal::Request);
    };
    state.accept(&subject, Refusal::Grant)?;
    let token = issue::opaque(state);
    let life = state.life.as_secs();
    Ok(json!({
        "access_token": token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": life,
    }))
}

/// Issues a token of a service account: `projects.serviceAccounts.generateAccessToken`.
pub(super) fn impersonate(call: &Call, state: &mut State) -> Result<Value, Refusal> {
    if !state.access.contains(call.bearer()?) {
        return Err(Refusal::Unauthorized);
    }
    let mut body = call.json()?;
    if let Some(fields) = body.as_object_mut() {
        // Clients may state the defaults.
        let defaults = [("lifetime", json!("3600s")), ("delegates", json!(null)), ("delegates", json!([]))];
        fields.retain(|name, value| !defaults.contains(&(name.as_str(), value.clone())));
    }
    if body != json!({ "scope": [SCOPE] }) {
        return Err(Refusal::Request);
    }
    let end = rfc3339(state.now() + state.life);
    Ok(json!({ "accessToken": issue::opaque(state), "expireTime": end }))
}

/// Issues a token of the machine's service account.
pub(super) fn metadata(call: &Call, state: &mut State) -> Result<Value, Refusal> {
    if call.header("metadata-flavor") != "Google" || !call.query()?.is_empty() {
        return Err(Refusal::Request);
    }
    let life = state.life.as_secs();
    Ok(json!({ "access_token": issue::opaque(state), "expires_in": life, "token_type": "Bearer" }))
}
