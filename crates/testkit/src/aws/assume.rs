//! Roles, and the callers that may assume them.

use std::sync::Mutex;

use axum::response::Response;

use super::{
    call::Call,
    caller::{Caller, Role},
    form::Form,
    refusal::Refusal,
    region::partition,
    state::State,
    sts,
};
use crate::lock::lock;

/// Answers `AssumeRole` from a signed caller.
pub(super) fn by_caller(state: &Mutex<State>, caller: &Caller, call: &Call, form: &Form) -> Result<Response, Refusal> {
    let (role, name) = wanted(call)?;
    let mut state = lock(state);
    let arn = call.role_arn.as_deref().unwrap_or_default();
    if state.external_ids.get(arn).is_some_and(|id| call.external_id.as_ref() != Some(id)) {
        return Err(denied(&caller.arn(&call.region), arn));
    }
    let session = state.open(&role, name, form);
    Ok(sts::assumed(&session, partition(&call.region)))
}

/// Answers `AssumeRoleWithWebIdentity` from any caller with a token.
pub(super) fn by_web_identity(state: &Mutex<State>, call: &Call, form: &Form) -> Result<Response, Refusal> {
    let (role, name) = wanted(call)?;
    let token = call.web_identity_token.as_deref();
    if token.is_none_or(str::is_empty) {
        let constraint = "Member must have length greater than or equal to 4";
        return Err(invalid(token, "webIdentityToken", constraint));
    }
    let mut state = lock(state);
    if token.is_some_and(|token| state.expired_web_identities.contains(token)) {
        let message = "Token expired: current date/time must be before the expiration date/time";
        return Err(Refusal::bad("ExpiredTokenException", message));
    }
    let session = state.open(&role, name, form);
    // The request is not signed, so the region is unknown.
    Ok(sts::assumed_with_web_identity(&session, role.partition))
}

fn wanted(call: &Call) -> Result<(Role<'_>, &str), Refusal> {
    let arn = call.role_arn.as_deref();
    let arn = arn.ok_or_else(|| invalid(None, "roleArn", "Member must not be null"))?;
    let role = Role::parse(arn).ok_or_else(|| Refusal::bad("ValidationError", &format!("{arn} is invalid")))?;
    let name = call.session_name.as_deref();
    let name = name.ok_or_else(|| invalid(None, "roleSessionName", "Member must not be null"))?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    if !name.bytes().all(allowed) {
        let constraint = "Member must satisfy regular expression pattern: [\\w+=,.@-]*";
        return Err(invalid(Some(name), "roleSessionName", constraint));
    }
    match name.len() {
        0 | 1 => Err(invalid(Some(name), "roleSessionName", "Member must have length greater than or equal to 2")),
        2..=64 => Ok((role, name)),
        _ => Err(invalid(Some(name), "roleSessionName", "Member must have length less than or equal to 64")),
    }
}

/// Returns the error for an invalid value. STS prints the value, so `value` is never a token.
fn invalid(value: Option<&str>, field: &str, constraint: &str) -> Refusal {
    let value = value.map_or_else(|| "null".to_owned(), |value| format!("'{value}'"));
    let message =
        format!("1 validation error detected: Value {value} at '{field}' failed to satisfy constraint: {constraint}");
    Refusal::bad("ValidationError", &message)
}

fn denied(caller: &str, role: &str) -> Refusal {
    let message = format!("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}");
    Refusal { status: 403, ..Refusal::bad("AccessDenied", &message) }
}
