//! The table of endpoints.

use serde_json::Value;

use super::{azure, call::Call, google, refusal::Refusal, robot, state::State};

/// Checks a request and returns the answer to it.
pub(super) type Respond = fn(&Call, &mut State) -> Result<Value, Refusal>;

/// The endpoints: method, path, and what they do. `*` is one or more characters without a slash.
const ROUTES: [(&str, &str, Respond); 10] = [
    ("POST", "/v1/token", google::exchange),
    ("POST", "/v1/projects/-/serviceAccounts/*:generateAccessToken", google::impersonate),
    ("GET", "/computeMetadata/v1/instance/service-accounts/default/token", google::metadata),
    ("GET", "/*/v2.0/.well-known/openid-configuration", azure::discovery),
    ("POST", "/*/oauth2/v2.0/token", azure::login),
    ("GET", "/metadata/identity/oauth2/token", azure::metadata),
    ("POST", "/oauth2/exchange", azure::exchange),
    ("GET", "/oauth2/federation/robot/token", robot::quay),
    ("POST", "/access/api/v1/oidc/token", robot::jfrog),
    ("POST", "/oidc/token", robot::oidc),
];

/// Answers a request as the service at its path does.
pub(super) fn respond(call: &Call, state: &mut State) -> (u16, Value) {
    let route = ROUTES.iter().find(|(method, path, _)| *method == call.method() && matches(path, call.path()));
    match route.map_or(Err(Refusal::NotFound), |(.., respond)| respond(call, state)) {
        Ok(body) => (200, body),
        Err(refusal) => refusal.answer(),
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == path };
    let middle = path.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    middle.is_some_and(|it| !it.is_empty() && !it.contains('/'))
}
