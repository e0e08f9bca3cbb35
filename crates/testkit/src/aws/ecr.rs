//! AWS JSON 1.1 as ECR speaks it.

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
/// As long as real ones are: of so many bytes, which base64 makes 2,700 characters of.
const PASSWORD_BYTES: usize = 2_025;
/// The key that encrypts the payload, as it stands beside it.
const DATA_KEY: usize = 250;

/// The header that says which operation of which service is meant.
pub(super) fn target(parts: &Parts) -> Option<&str> {
    parts.headers.get("x-amz-target").map(|target| target.to_str().unwrap_or_default())
}

/// The operation without the service, or all of it where it is another service's.
pub(super) fn action(target: &str) -> &str {
    target.strip_prefix(SERVICE).unwrap_or(target)
}

/// Mints a token for the caller's registry, remembers it and hands it out.
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
    // The answer has milliseconds, so what is remembered has no more.
    let milliseconds = u64::try_from(expires_at.as_millis()).unwrap_or(u64::MAX);
    Issued {
        region: region.to_owned(),
        registry: format!("{account}.dkr.ecr.{region}.{}", dns_suffix(region)),
        password: password(expires_at.as_secs()),
        expires_at: UNIX_EPOCH + Duration::from_millis(milliseconds),
    }
}

/// A password as real ones are: base64 of JSON that says when it ends.
pub(crate) fn password(expiration: u64) -> String {
    let with = |payload: &str, key: &str| {
        format!(
            r#"{{"payload":"{payload}","datakey":"{key}","version":"2","type":"DATA_KEY","expiration":{expiration}}}"#
        )
    };
    let payload = PASSWORD_BYTES - with("", "").len() - DATA_KEY;
    STANDARD.encode(with(&random(payload, BASE64), &random(DATA_KEY, BASE64)))
}

/// The body of an error.
pub(super) fn error(refusal: &Refusal) -> String {
    if refusal.message.is_empty() {
        return json!({ "__type": refusal.code }).to_string();
    }
    json!({ "__type": refusal.code, "message": refusal.message }).to_string()
}
