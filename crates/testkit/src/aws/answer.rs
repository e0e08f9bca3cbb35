//! What the stand-in is told to say.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode},
    response::Response,
};

use crate::id::uuid;

/// How AWS answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// As it should: a fresh token, the caller's identity, the keys of a role.
    #[default]
    Token,
    /// An error in the form of the protocol that was spoken.
    Error {
        /// HTTP status.
        status: u16,
        /// The error's code, `AccessDeniedException` for one.
        code: String,
        /// Text for people.
        message: String,
        /// Seconds for a `Retry-After` header.
        retry_after: Option<u64>,
    },
    /// Exactly this, as a proxy or a broken server would.
    Raw {
        /// HTTP status.
        status: u16,
        /// The `Content-Type` header.
        content_type: String,
        /// The whole body.
        body: String,
    },
    /// Nothing, ever: the connection stays open.
    Hang,
}

/// A response with this body and AWS's request id. A status that HTTP does not know becomes 500.
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
