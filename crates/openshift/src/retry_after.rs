//! The pause that an overloaded API server asks for.
//!
//! Priority and fairness answers 429 as plain text, with the pause in a header that kube drops. So this module converts
//! the answer to a `Status`.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::{Either, Full};
use serde_json::json;

/// Converts an answer of an overloaded server with a pause to a `Status`. All other answers are unchanged.
pub(crate) fn keep<B>(answer: Response<B>) -> Response<Either<B, Full<Bytes>>> {
    let busy = matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let seconds = answer.headers().get(header::RETRY_AFTER).and_then(|it| it.to_str().ok()?.trim().parse::<u32>().ok());
    let Some(seconds) = seconds.filter(|_| busy) else { return answer.map(Either::Left) };
    let (parts, _) = answer.into_parts();
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": parts.status.as_u16(),
        "reason": if parts.status == StatusCode::TOO_MANY_REQUESTS { "TooManyRequests" } else { "ServiceUnavailable" },
        "details": { "retryAfterSeconds": seconds },
    });
    let mut answer = Response::new(Either::Right(Full::from(status.to_string())));
    *answer.status_mut() = parts.status;
    answer
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn kept(status: u16, retry_after: Option<&str>) -> (u16, String) {
        let mut answer = Response::builder().status(status);
        if let Some(pause) = retry_after {
            answer = answer.header("retry-after", pause);
        }
        let answer = keep(answer.body(Full::from("Too many requests")).expect("valid"));
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.expect("it is there").to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    #[tokio::test]
    async fn a_retry_after_header_is_copied_into_the_status_body() {
        for status in [429, 503] {
            let (kept_status, body) = kept(status, Some("32")).await;
            assert_eq!(kept_status, status);
            assert!(body.contains(r#""retryAfterSeconds":32"#), "{body}");
        }
        for (status, retry_after) in [(429, None), (429, Some("Wed, 21 Oct 2026 07:28:00 GMT")), (200, Some("1"))] {
            assert_eq!(kept(status, retry_after).await, (status, "Too many requests".into()));
        }
    }
}
