//! The credential scope of a `SigV4` header: the access key, the region and the service.

use std::time::{Duration, SystemTime};

use axum::http::request::Parts;

use super::refusal::Refusal;
use crate::now::signed_at;

const WINDOW: Duration = Duration::from_mins(5);

/// The claims of a signature. The signature is not verified.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) access_key: String,
    pub(super) region: String,
    service: String,
}

impl Scope {
    /// Returns an error if the signature is for another service, as AWS does.
    pub(super) fn expect(&self, service: &str) -> Result<(), Refusal> {
        if self.service == service {
            return Ok(());
        }
        let message = format!("Credential should be scoped to correct service: '{service}'.");
        Err(Refusal { status: 403, ..Refusal::bad("InvalidSignatureException", &message) })
    }
}

/// Returns an error if the signature is more than five minutes in the past or in the future, as AWS does.
pub(super) fn expect_now(parts: &Parts, now: SystemTime) -> Result<(), Refusal> {
    let signed = parts.headers.get("x-amz-date").and_then(|it| it.to_str().ok()).and_then(signed_at);
    let how = match signed {
        Some(signed) if signed + WINDOW < now => "Signature expired: it was made too early",
        Some(signed) if signed > now + WINDOW => "Signature not yet current: it was made too late",
        _ => return Ok(()),
    };
    Err(Refusal { status: 403, ..Refusal::bad("InvalidSignatureException", how) })
}

/// Reads the scope. Returns `None` if the header is missing or is not a complete `SigV4` header.
pub(super) fn read(parts: &Parts) -> Option<Scope> {
    let header = parts.headers.get("authorization")?.to_str().ok()?;
    let fields = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let field = |name: &str| {
        let mut fields = fields.split(',').map(str::trim);
        fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('=')).filter(|value| !value.is_empty())
    };
    field("SignedHeaders")?;
    field("Signature")?;
    let scope = field("Credential")?.split('/').collect::<Vec<_>>();
    let [access_key, date, region, service, "aws4_request"] = scope[..] else { return None };
    let dated = date.len() == 8 && date.bytes().all(|it| it.is_ascii_digit());
    let named = [access_key, region, service].iter().all(|part| !part.is_empty());
    (dated && named).then(|| Scope {
        access_key: access_key.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn read_header(value: &str) -> Option<Scope> {
        let (parts, ()) = Request::builder().header("authorization", value).body(()).expect("valid").into_parts();
        read(&parts)
    }

    #[test]
    fn the_scope_contains_key_region_and_service() {
        let header = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/eu-west-1/ecr/aws4_request, \
                      SignedHeaders=host;x-amz-date, Signature=0a1b";
        let scope = read_header(header).expect("the header is complete");
        assert_eq!((scope.access_key.as_str(), scope.region.as_str()), ("AKIDEXAMPLE", "eu-west-1"));
        assert!(scope.expect("ecr").is_ok());
        assert!(scope.expect("sts").is_err_and(|refusal| refusal.status == 403));
    }

    #[test]
    fn a_header_with_a_missing_part_is_not_a_signature() {
        for header in [
            "Bearer abc",
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/ecr/aws4_request, SignedHeaders=host",
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/ecr, SignedHeaders=host, Signature=0a",
            "AWS4-HMAC-SHA256 Credential=AKID/2026/eu-west-1/ecr/aws4_request, SignedHeaders=host, Signature=0a",
            "AWS4-HMAC-SHA256 Credential=AKID/20260101//ecr/aws4_request, SignedHeaders=host, Signature=0a",
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/ecr/aws4_request, SignedHeaders=host, Signature=",
        ] {
            assert_eq!(read_header(header), None, "{header}");
        }
    }
}
