//! Translates errors of the SDK. It never wraps them, because their text may quote an answer. No other module reads
//! them.

use std::{
    error::Error as StdError,
    fmt, io,
    time::{Duration, SystemTime},
};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecr::{
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use aws_sdk_sts::operation::{
    assume_role::AssumeRoleError, assume_role_with_web_identity::AssumeRoleWithWebIdentityError,
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::ConnectorError};
use regcred_core::{Code, Error, ErrorKind, codes::PROXY};

use crate::{
    arn::is_principal,
    codes,
    failure::Failure,
    transport::{InsecureEndpoint, UnusableProxy, skew, time_of},
};

/// The longest value that is quoted from an answer.
const LONGEST_VALUE: usize = 256;
/// The usual cause in a pod: the instance metadata service limits its answers to one network hop.
const HOP_LIMIT: &str = "a pod needs a hop limit of 2, which \
    `aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2 --instance-id ID` sets";
/// The reason for an answer that another server sent.
pub(crate) const OTHER_ANSWER: &str = "the answer is not that of the instance metadata service";
/// The failed step for a container without credentials.
pub(crate) const CONTAINER: &str = "cannot get the role of the container";
/// The reason for a request that ran into its time limit.
pub(crate) const NO_ANSWER: &str = "no answer in time";
const INVALID_REQUEST: &str = "the request is not valid";
/// The reason for a process without credentials.
pub(crate) const NOWHERE: &str = "environment, profile, web identity and container have none";
/// Prefixes of the error codes that mean a denied request.
const DENIED: [&str; 12] = [
    "AccessDenied",
    "ExpiredToken",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidIdentityToken",
    "InvalidSignature",
    "MissingAuthentication",
    "NotAuthorized",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClient",
];

/// Returns an error such as `cannot call ecr:GetAuthorizationToken in eu-west-1`, followed by the cause.
pub(crate) fn failed(code: &'static Code, action: &str, cause: impl Into<String>) -> Error {
    Error::new(code, format!("cannot call {action}")).with_cause(cause.into())
}

/// Returns the code for an answer of AWS of this kind.
fn code_of(kind: ErrorKind) -> &'static Code {
    match kind {
        ErrorKind::Denied => &codes::DENIED,
        ErrorKind::Throttled => &codes::THROTTLED,
        ErrorKind::Unreachable => &codes::UNREACHABLE,
        ErrorKind::Invalid => &codes::REQUEST,
        _ => &codes::ANSWER,
    }
}

/// Translates an SDK error into an error with a kind. `action` is the failed call, such as `ecr:GetAuthorizationToken
/// in eu-west-1`.
pub(crate) fn translate<E>(error: &SdkError<E, HttpResponse>, action: &str, now: SystemTime) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let failed = |code, cause: String| failed(code, action, cause);
    if has_cause::<InsecureEndpoint>(error) {
        return failed(&codes::REQUEST, InsecureEndpoint.to_string());
    }
    if let Some(proxy) = find::<UnusableProxy>(error) {
        return failed(&PROXY, proxy.to_string());
    }
    if has_cause::<http_body_util::LengthLimitError>(error) {
        return failed(&codes::ANSWER, "the answer is longer than 64 KiB".into());
    }
    if let Some(failure) = find::<CredentialsError>(error) {
        let cause = identity_failure(failure, now);
        return failed(cause.code(), cause.chain()).with_retry_after(cause.retry_after());
    }
    match error {
        SdkError::ServiceError(service) => {
            let answer = Answer {
                status: service.raw().status().as_u16(),
                code: service.err().code().and_then(code),
                message: service.err().message().unwrap_or_default(),
                request_id: service.err().meta().request_id().filter(|id| is_request_id(id)),
            };
            let retry_after = service.raw().headers().get("retry-after").and_then(|it| it.parse().ok());
            let kind = answer.kind();
            let how = match kind {
                ErrorKind::Denied => "AWS denied it",
                ErrorKind::Throttled => "AWS throttled it",
                ErrorKind::Invalid => "AWS refused it as invalid",
                ErrorKind::Malformed => "the answer is not valid",
                _ => "AWS answered with an error",
            };
            let mut cause = format!("{how}: {}", answer.describe());
            let skew = time_of(service.raw()).map_or(0, |theirs| skew(theirs, now));
            if skew != 0 && kind == ErrorKind::Denied {
                cause = format!("{cause}; this machine's clock is {} min off", skew.unsigned_abs() / 60);
            }
            failed(code_of(kind), cause).with_retry_after(retry_after.map(Duration::from_secs))
        }
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            // The body is in memory if it was read to its end.
            if response.raw().body().bytes().is_some() {
                return failed(&codes::ANSWER, format!("the answer is not valid (HTTP {status})"));
            }
            failed(&codes::UNREACHABLE, format!("the connection broke during the answer (HTTP {status})"))
        }
        SdkError::TimeoutError(_) => failed(&codes::UNREACHABLE, NO_ANSWER.into()),
        SdkError::DispatchFailure(dispatch) => {
            let how = match dispatch.as_connector_error() {
                Some(error) if error.is_timeout() => NO_ANSWER,
                Some(error) => connection_failure(error),
                None => "the connection failed",
            };
            failed(&codes::UNREACHABLE, how.into())
        }
        _ => failed(&codes::REQUEST, INVALID_REQUEST.into()),
    }
}

/// Returns why the connection failed. The texts of the libraries are searched, but never quoted.
fn connection_failure(error: &ConnectorError) -> &'static str {
    let says = |words: &str| text_of(error).any(|text| text.contains(words));
    if says("roxy auth") {
        "the proxy requires credentials (HTTP 407)"
    } else if says("tunnel") && says("unsuccessful") {
        "the proxy refused to connect"
    } else if says("tunnel") {
        "the proxy cannot be reached"
    } else if says("certificate") {
        "the certificate is not trusted"
    } else if error.is_user() {
        INVALID_REQUEST
    } else {
        "the connection failed"
    }
}

/// Returns the error for a call that has no credentials.
pub(crate) fn identity_failure(failure: &CredentialsError, now: SystemTime) -> Error {
    if let Some(Failure(error)) = find::<Failure>(failure) {
        return error.clone();
    }
    match failure {
        CredentialsError::CredentialsNotLoaded(_) => {
            Error::new(&codes::NO_IDENTITY, "cannot find AWS credentials").with_cause(NOWHERE)
        }
        CredentialsError::InvalidConfiguration(_) => unloaded(&codes::SETTING, "the AWS configuration is not valid"),
        CredentialsError::ProviderTimedOut(_) => unloaded(&codes::UNREACHABLE, NO_ANSWER),
        CredentialsError::ProviderError(_) => loading_failure(failure, now),
        _ => unloaded(&codes::UNREACHABLE, "their source failed"),
    }
}

/// Returns the error for a source of credentials that failed.
pub(crate) fn unloaded(code: &'static Code, cause: &str) -> Error {
    Error::new(code, "cannot load AWS credentials").with_cause(cause)
}

/// Translates the failure of a credentials provider, such as a denied request or a missing file.
fn loading_failure(failure: &CredentialsError, now: SystemTime) -> Error {
    let missing_file = |cause: &(dyn StdError + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    if has_cause::<InsecureEndpoint>(failure) {
        unloaded(&codes::SETTING, &InsecureEndpoint.to_string())
    } else if let Some(sts) = find::<SdkError<AssumeRoleError, HttpResponse>>(failure) {
        translate(sts, "sts:AssumeRole", now)
    } else if let Some(sts) = find::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>(failure) {
        translate(sts, "sts:AssumeRoleWithWebIdentity", now)
    } else if let Some(status) = container_status(failure) {
        let code = if status < 500 { &codes::NO_ROLE } else { &codes::UNREACHABLE };
        Error::new(code, CONTAINER).with_cause(format!("the container credentials endpoint answered HTTP {status}"))
    } else if causes(failure).any(missing_file) || format!("{failure:?}").contains("kind: NotFound") {
        unloaded(&codes::SETTING, "a file that the AWS configuration names does not exist")
    } else {
        unloaded(&codes::UNREACHABLE, "their source failed")
    }
}

/// Returns the HTTP status of a refusal by a container credential endpoint. The SDK reports it only in its message.
fn container_status(failure: &CredentialsError) -> Option<u16> {
    status_in(&text_of(failure).find(|text| text.contains("HTTP credential provider"))?)
}

/// Parses the HTTP status from a message of the SDK.
fn status_in(text: &str) -> Option<u16> {
    let (_, status) = text.split_once("StatusCode(")?;
    status.split(')').next()?.parse().ok()
}

/// Translates a failure to get the role of the machine.
pub(crate) fn instance_failure(failure: &CredentialsError) -> Error {
    if has_cause::<InsecureEndpoint>(failure) {
        return no_role(&codes::SETTING, InsecureEndpoint);
    }
    // The SDK distinguishes most of these only by their message.
    let words = text_of(failure).chain([format!("{failure:?}")]).collect::<Vec<_>>();
    let says = |part: &str| words.iter().any(|text| text.contains(part));
    let status = words.iter().find_map(|text| status_in(text)).filter(|status| *status >= 300);
    if says("IMDS disabled") {
        return no_role(&codes::SETTING, "AWS_EC2_METADATA_DISABLED is true");
    }
    if says("received 404 from IMDS") || status == Some(404) {
        return metadata(&codes::NO_ROLE, "answered HTTP 404: the machine has no role");
    }
    match status {
        Some(429) => metadata(&codes::THROTTLED, "answered HTTP 429"),
        Some(status) if status >= 500 => metadata(&codes::METADATA, &format!("answered HTTP {status}")),
        Some(status) => metadata(&codes::NO_ROLE, &format!("answered HTTP {status}")),
        None if matches!(failure, CredentialsError::InvalidConfiguration(_)) => {
            metadata(&codes::NO_ROLE, "refused the role: its trust policy does not name ec2.amazonaws.com")
        }
        None if has_cause::<ConnectorError>(failure) || says("timed out") || says("timeout") => {
            metadata(&codes::METADATA, &format!("did not answer: {HOP_LIMIT}"))
        }
        None if says("orbidden") => metadata(&codes::NO_ROLE, "answered HTTP 403"),
        None => no_role(&codes::ANSWER, OTHER_ANSWER),
    }
}

/// Returns the error for a machine whose role is not known.
pub(crate) fn no_role(code: &'static Code, cause: impl fmt::Display) -> Error {
    Error::new(code, "cannot get the role of the machine").with_cause(cause)
}

/// Returns the error for a failed call to the instance metadata service. `how` describes its answer.
fn metadata(code: &'static Code, how: &str) -> Error {
    no_role(code, format!("the instance metadata service {how}"))
}

/// The fields of an error answer. Only values of a known form are kept.
struct Answer<'a> {
    status: u16,
    code: Option<&'a str>,
    message: &'a str,
    request_id: Option<&'a str>,
}

impl Answer<'_> {
    fn kind(&self) -> ErrorKind {
        let code = self.code.unwrap_or_default();
        if self.status == 429
            || code.contains("Throttl")
            || code == "TooManyRequestsException"
            || code == "RequestLimitExceeded"
        {
            ErrorKind::Throttled
        } else if DENIED.iter().any(|it| code.starts_with(it)) || matches!(self.status, 401 | 403) {
            ErrorKind::Denied
        } else if self.status < 300 {
            ErrorKind::Malformed
        } else if self.status >= 500 {
            ErrorKind::Unreachable
        } else if matches!(code, "InvalidParameterException" | "ValidationException" | "ValidationError") {
            ErrorKind::Invalid
        } else {
            ErrorKind::Malformed
        }
    }

    fn describe(&self) -> String {
        let mut said = vec![self.code.unwrap_or("an error without a code").to_owned(), format!("HTTP {}", self.status)];
        let words = || self.message.split([' ', ',', '\n', '"', '\'']).filter(|it| it.len() <= LONGEST_VALUE);
        said.extend(words().find(|it| is_principal(it)).map(|arn| format!("principal {arn}")));
        said.extend(words().find(|it| is_action(it)).map(|action| format!("action {action}")));
        said.extend(self.request_id.map(|id| format!("request {id}")));
        said.join(", ")
    }
}

/// Returns the text if it is an AWS error code: only letters, the first one a capital. Any other text could be a
/// secret.
fn code(text: &str) -> Option<&str> {
    let text = text.rsplit('#').next().unwrap_or(text);
    let is_code = text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_code.then_some(text)
}

/// Returns whether an id is a UUID, as the request ids of ECR and STS are.
fn is_request_id(id: &str) -> bool {
    id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Returns whether the text has the form `ecr:Something` or `sts:Something`.
fn is_action(text: &str) -> bool {
    let action = text.strip_prefix("ecr:").or_else(|| text.strip_prefix("sts:"));
    action.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

pub(crate) fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    causes(error).find_map(|cause| cause.downcast_ref::<E>())
}

fn has_cause<E: StdError + 'static>(error: &(dyn StdError + 'static)) -> bool {
    find::<E>(error).is_some()
}

/// Returns the messages of an error and its sources. Search them, but never quote them.
fn text_of<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = String> + 'a {
    causes(error).map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &'static str, message: &'static str) -> Answer<'static> {
        Answer { status, code: Some(code), message, request_id: Some("0a1b-2c3d") }
    }

    #[test]
    fn error_codes_and_statuses_map_to_error_kinds() {
        use ErrorKind::{Denied, Invalid, Malformed, Throttled, Unreachable};
        let cases = [
            (400, "AccessDeniedException", Denied),
            (400, "ExpiredTokenException", Denied),
            (400, "UnrecognizedClientException", Denied),
            (400, "InvalidSignatureException", Denied),
            (400, "ThrottlingException", Throttled),
            (400, "ThrottleException", Throttled),
            (429, "Whatever", Throttled),
            (500, "ServerException", Unreachable),
            (503, "ServiceUnavailable", Unreachable),
            (400, "InvalidParameterException", Invalid),
            (400, "ValidationError", Invalid),
            (403, "RegionDisabledException", Denied),
            (404, "NotFound", Malformed),
        ];
        for (status, code, kind) in cases {
            assert_eq!(answer(status, code, "").kind(), kind, "{code}");
        }
    }

    #[test]
    fn only_known_parts_of_an_error_message_are_kept() {
        let message = "User: arn:aws:sts::123456789012:assumed-role/pull/s is not authorized to perform: \
                       ecr:GetAuthorizationToken on resource: * because canary";
        let said = answer(400, "AccessDeniedException", message).describe();
        assert_eq!(
            said,
            "AccessDeniedException, HTTP 400, principal arn:aws:sts::123456789012:assumed-role/pull/s, \
             action ecr:GetAuthorizationToken, request 0a1b-2c3d"
        );
    }

    #[test]
    fn an_error_code_with_odd_characters_is_dropped() {
        assert_eq!(code("com.amazonaws#ServerException"), Some("ServerException"));
        for odd in ["a b", "\u{1b}[2J", "", "wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY", "QUtJQTEyMzQ1", &"A".repeat(65)] {
            assert_eq!(code(odd), None, "{odd}");
        }
        assert!(is_request_id("42e76adc-ac7f-47b4-8592-36cd534c09bf"));
        assert!(!is_request_id("42e76adc") && !is_request_id("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPL"));
        assert!(
            !is_principal("arn:aws:sts::1:role/\u{1b}[2J")
                && !is_principal("arn:aws:s3:::bucket")
                && !is_action("ecr:")
        );
    }
}
