//! Refusals, in the format of OAuth.

use serde_json::{Value, json};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A field or a header is missing, wrong or unknown.
    Request,
    /// OAuth: the identity is not accepted.
    Grant,
    /// OAuth: the client is not accepted.
    Client,
    /// There is no login, or a wrong one.
    Unauthorized,
    /// There is no such endpoint.
    NotFound,
}

impl Refusal {
    /// Returns the status and the body.
    pub(super) fn answer(self) -> (u16, Value) {
        let (status, error) = match self {
            Self::Request => (400, "invalid_request"),
            Self::Grant => (400, "invalid_grant"),
            Self::Client => (401, "invalid_client"),
            Self::Unauthorized => (401, "unauthorized"),
            Self::NotFound => (404, "not_found"),
        };
        (status, json!({ "error": error, "error_description": "canary" }))
    }
}
