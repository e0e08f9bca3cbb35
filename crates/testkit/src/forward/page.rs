//! Pages that the proxy sends itself.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode},
    response::Response,
};

/// Returns an HTML page.
pub(super) fn page(status: u16, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("text/html"));
    if status == 407 {
        headers.insert("proxy-authenticate", HeaderValue::from_static("Basic realm=\"proxy\""));
    }
    response
}
