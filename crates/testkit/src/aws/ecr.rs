//! The AWS JSON 1.1 protocol, as ECR uses it.

use std::{
    sync::Mutex,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{http::request::Parts, response::Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{
    answer::raw,
    call::Issued,
    keys::{BASE64, random},
    refusal::Refusal,
    region::dns_suffix,
    state::State,
};
use crate::lock::lock;

pub(super) const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
pub(super) const GET_AUTHORIZATION_TOKEN: &str = "GetAuthorizationToken";
const SERVICE: &str = "AmazonEC2ContainerRegistry_V20150921.";
const PUBLIC_SERVICE: &str = "SpencerFrontendService.";
/// The size of a real password, in bytes. Base64 turns it into 2,700 characters.
const PASSWORD_BYTES: usize = 2_025;
/// The size of the encrypted data key in a password, in characters.
const DATA_KEY: usize = 250;

/// Returns the header that names the service and the operation.
pub(super) fn target(parts: &Parts) -> Option<&str> {
    parts.headers.get("x-amz-target").map(|target| target.to_str().unwrap_or_default())
}

/// Returns the operation without the service prefix. The target of another service is returned unchanged.
pub(super) fn action(target: &str) -> &str {
    target.strip_prefix(SERVICE).or_else(|| target.strip_prefix(PUBLIC_SERVICE)).unwrap_or(target)
}

/// Returns whether the target is an operation of ECR Public.
pub(super) fn is_public(target: &str) -> bool {
    target.starts_with(PUBLIC_SERVICE)
}

/// Mints a token of ECR Public, records it and returns it. The answer is an object, not a list.
pub(super) fn public_token(state: &Mutex<State>) -> Response {
    let issued = {
        let mut state = lock(state);
        let mut issued = mint(state.clock.now() + state.life, "", "us-east-1");
        issued.registry = "public.ecr.aws".into();
        state.issued.push(issued.clone());
        issued
    };
    let expires_at = issued.expires_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let body = json!({ "authorizationData": {
        "authorizationToken": STANDARD.encode(format!("AWS:{}", issued.password)),
        "expiresAt": expires_at.as_secs_f64(),
    }});
    raw(200, CONTENT_TYPE, body.to_string())
}

/// Mints a token for the caller's registry, records it and returns it.
pub(super) fn token(state: &Mutex<State>, account: &str, region: &str) -> Response {
    let (issued, listener) = {
        let mut state = lock(state);
        let issued = mint(state.clock.now() + state.life, account, region);
        state.issued.push(issued.clone());
        (issued, state.listener.clone())
    };
    if let Some(listener) = listener {
        listener(&issued);
    }
    let expires_at = issued.expires_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let body = json!({ "authorizationData": [{
        "authorizationToken": STANDARD.encode(format!("AWS:{}", issued.password)),
        "expiresAt": expires_at.as_secs_f64(),
        "proxyEndpoint": format!("https://{}", issued.registry),
    }]});
    raw(200, CONTENT_TYPE, body.to_string())
}

fn mint(expires_at: SystemTime, account: &str, region: &str) -> Issued {
    let expires_at = expires_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    // The response has millisecond precision, so the record has the same.
    let milliseconds = u64::try_from(expires_at.as_millis()).unwrap_or(u64::MAX);
    Issued {
        region: region.to_owned(),
        registry: format!("{account}.dkr.ecr.{region}.{}", dns_suffix(region)),
        password: password(expires_at.as_secs()),
        expires_at: UNIX_EPOCH + Duration::from_millis(milliseconds),
    }
}

/// Returns a password in the format of real ones: base64 of JSON that contains the expiry.
pub(crate) fn password(expiration: u64) -> String {
    let with = |payload: &str, key: &str| {
        format!(
            r#"{{"payload":"{payload}","datakey":"{key}","version":"2","type":"DATA_KEY","expiration":{expiration}}}"#
        )
    };
    let payload = PASSWORD_BYTES - with("", "").len() - DATA_KEY;
    STANDARD.encode(with(&random(payload, BASE64), &random(DATA_KEY, BASE64)))
}

/// Returns the body of an error response.
pub(super) fn error(refusal: &Refusal) -> String {
    if refusal.message.is_empty() {
        return json!({ "__type": refusal.code }).to_string();
    }
    json!({ "__type": refusal.code, "message": refusal.message }).to_string()
}
