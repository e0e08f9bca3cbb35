//! The answers that a test can order from the fake AWS.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode},
    response::Response,
};

use crate::id::uuid;

/// How the fake AWS answers a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// The normal answer: a new token, the caller's identity, or the keys of a role.
    #[default]
    Token,
    /// An error in the format of the request's protocol.
    Error {
        /// HTTP status.
        status: u16,
        /// The error code, such as `AccessDeniedException`.
        code: String,
        /// The message for people.
        message: String,
        /// The value of the `Retry-After` header, in seconds. `None` sends no header.
        retry_after: Option<u64>,
    },
    /// Exactly this response, as a proxy or a broken server would send it.
    Raw {
        /// HTTP status.
        status: u16,
        /// The `Content-Type` header.
        content_type: String,
        /// The whole body.
        body: String,
    },
    /// No answer. The connection stays open.
    Hang,
}

/// Returns a response with this body and an AWS request id. An invalid status becomes 500.
pub(super) fn raw(status: u16, content_type: &str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Ok(content_type) = HeaderValue::from_str(content_type) {
        headers.insert("content-type", content_type);
    }
    if let Ok(id) = HeaderValue::from_str(&uuid()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
