//! Translates answers that are not a success. Only the status and known OAuth error codes are kept.

use regcred_core::{Code, Error, Result};
use regcred_http::{Answer, Url};
use serde_json::Value;

use crate::codes;

/// The error codes of RFC 6749 and RFC 8693, and whether they mean that the identity is not accepted.
const KNOWN: [(&str, bool); 11] = [
    ("access_denied", true),
    ("invalid_client", true),
    ("invalid_grant", true),
    ("unauthorized_client", true),
    ("invalid_request", false),
    ("invalid_scope", false),
    ("invalid_target", false),
    ("server_error", false),
    ("temporarily_unavailable", false),
    ("unsupported_grant_type", false),
    ("unsupported_response_type", false),
];

/// Fails unless the answer is a success.
pub(crate) fn check(url: &Url, answer: &Answer) -> Result<()> {
    let status = answer.status();
    if (200..300).contains(&status) {
        return Ok(());
    }
    let known = known(answer.body());
    let named = known.map(|(name, _)| format!(", {name}")).unwrap_or_default();
    Err(Error::new(code(status, known), format!("cannot get a token from {}", url.host_and_port()))
        .with_cause(format!("HTTP {status}{named}"))
        .with_retry_after(answer.retry_after()))
}

fn code(status: u16, known: Option<&(&str, bool)>) -> &'static Code {
    match status {
        401 | 403 => &codes::DENIED,
        429 => &codes::THROTTLED,
        408 | 425 | 500.. => &codes::UNAVAILABLE,
        400.. if known.is_some_and(|(_, is_denial)| *is_denial) => &codes::DENIED,
        400.. => &codes::REQUEST,
        _ => &codes::ANSWER,
    }
}

fn known(body: &[u8]) -> Option<&'static (&'static str, bool)> {
    let answer = serde_json::from_slice::<Value>(body).ok()?;
    let error = answer.get("error")?.as_str()?;
    KNOWN.iter().find(|(name, _)| *name == error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_oauth_errors_have_their_codes() {
        for (status, body, id) in [
            (400, "{\"error\":\"invalid_grant\",\"error_description\":\"canary\"}", "RC0571"),
            (400, "{\"error\":\"invalid_request\"}", "RC0574"),
            (400, "canary", "RC0574"),
            (401, "", "RC0571"),
            (403, "{\"error\":{\"code\":403}}", "RC0571"),
            (404, "<html>", "RC0574"),
            (429, "{}", "RC0572"),
            (500, "{\"error\":\"invalid_grant\"}", "RC0573"),
            (503, "", "RC0573"),
            (101, "", "RC0575"),
        ] {
            assert_eq!(code(status, known(body.as_bytes())).id(), id, "{status} {body}");
        }
        assert_eq!(known(b"{\"error\":\"canary\"}"), None);
    }
}
