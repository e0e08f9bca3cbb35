//! Turns an HTTP request into an HTTP response.

use std::sync::{Arc, Mutex};

use axum::{
    body::to_bytes,
    extract::Request,
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};

use super::{
    answer::{self, Answer},
    assume,
    call::Call,
    ecr,
    form::Form,
    refusal::{Protocol, Refusal},
    scope,
    state::State,
    sts,
};
use crate::{id::uuid, lock::lock};

/// The size limit for a request. Requests of both protocols have a few kilobytes at most.
const LONGEST_REQUEST: usize = 64 * 1024;

pub(super) async fn answer(state: Arc<Mutex<State>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let (protocol, action, form) = if let Some(target) = ecr::target(&parts) {
        let protocol = if ecr::is_public(target) { Protocol::PublicJson } else { Protocol::Json };
        (protocol, ecr::action(target).to_owned(), Form::default())
    } else {
        let form = Form::read(&body);
        (Protocol::Query, form.get("Action").unwrap_or_default().to_owned(), form)
    };
    let decided = decide(&state, &parts, protocol, action, &form).await;
    let mut response = decided.unwrap_or_else(|refusal| render(protocol, &refusal));
    lock(&state).clock.date(&mut response);
    response
}

async fn decide(
    state: &Mutex<State>,
    parts: &Parts,
    protocol: Protocol,
    action: String,
    form: &Form,
) -> Result<Response, Refusal> {
    let signed = scope::read(parts);
    let (region, access_key) = signed.as_ref().map(|it| (it.region.clone(), it.access_key.clone())).unwrap_or_default();
    let field = |name| form.get(name).map(str::to_owned);
    let call = Call {
        action,
        region,
        access_key,
        role_arn: field("RoleArn"),
        external_id: field("ExternalId"),
        session_name: field("RoleSessionName"),
        web_identity_token: field("WebIdentityToken"),
    };
    let wanted = lock(state).begin(&call);
    match wanted {
        Answer::Token => {}
        Answer::Error { status, code, message, retry_after } => {
            return Err(Refusal { status, code, message, retry_after });
        }
        Answer::Raw { status, content_type, body } => {
            return Ok(answer::raw(status, &content_type, body));
        }
        Answer::Hang => std::future::pending().await,
    }
    if let (Protocol::Query, sts::ASSUME_ROLE_WITH_WEB_IDENTITY) = (protocol, call.action.as_str()) {
        return assume::by_web_identity(state, &call, form);
    }
    let Some(signed) = signed else {
        return Err(Refusal::bad("MissingAuthenticationTokenException", "Missing Authentication Token"));
    };
    signed.expect(protocol.service())?;
    scope::expect_now(parts, lock(state).clock.now())?;
    let token = parts.headers.get("x-amz-security-token").and_then(|token| token.to_str().ok());
    let caller = lock(state).authenticate(protocol, &signed, token)?;
    match (protocol, call.action.as_str()) {
        (Protocol::Json, ecr::GET_AUTHORIZATION_TOKEN) => Ok(ecr::token(state, &caller.account, &call.region)),
        (Protocol::PublicJson, ecr::GET_AUTHORIZATION_TOKEN) if call.region == "us-east-1" => {
            Ok(ecr::public_token(state))
        }
        (Protocol::Query, sts::GET_CALLER_IDENTITY) => Ok(sts::identity(&caller, &call.region)),
        (Protocol::Query, sts::ASSUME_ROLE) => assume::by_caller(state, &caller, &call, form),
        (Protocol::Json | Protocol::PublicJson, _) => Err(Refusal::bad("UnknownOperationException", "")),
        (Protocol::Query, action) => {
            let message = format!("Could not find operation {action} for version 2011-06-15");
            Err(Refusal::bad("InvalidAction", &message))
        }
    }
}

fn render(protocol: Protocol, refusal: &Refusal) -> Response {
    let (content_type, body) = match protocol {
        Protocol::Json | Protocol::PublicJson => (ecr::CONTENT_TYPE, ecr::error(refusal)),
        Protocol::Query => (sts::CONTENT_TYPE, sts::error(refusal, &uuid())),
    };
    let mut response = answer::raw(refusal.status, content_type, body);
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}
