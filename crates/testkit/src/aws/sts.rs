//! The query protocol as STS speaks it: a form in, XML out.

use axum::response::Response;

use super::{Refusal, answer::raw};
use crate::id::uuid;

pub(super) const CONTENT_TYPE: &str = "text/xml";
pub(super) const GET_CALLER_IDENTITY: &str = "GetCallerIdentity";
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The `Action` of a form. Actions are plain words, so nothing needs decoding.
pub(super) fn action(form: &[u8]) -> Option<String> {
    let form = str::from_utf8(form).ok()?;
    form.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned)
}

/// Who the caller is: always the same user of the account.
pub(super) fn identity(account: &str, region: &str) -> Response {
    let partition = if region.starts_with("cn-") { "aws-cn" } else { "aws" };
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\">\
         <GetCallerIdentityResult><Arn>arn:{partition}:iam::{account}:user/standin</Arn>\
         <UserId>AIDASTANDINEXAMPLE</UserId><Account>{account}</Account></GetCallerIdentityResult>\
         <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
        uuid(),
    );
    raw(200, CONTENT_TYPE, body)
}

/// The body of an error.
pub(super) fn error(refusal: &Refusal, request_id: &str) -> String {
    let fault = if refusal.status < 500 { "Sender" } else { "Receiver" };
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{fault}</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>{request_id}</RequestId></ErrorResponse>",
        escape(&refusal.code),
        escape(&refusal.message),
    )
}

/// Where the names of a region's servers end.
pub(super) fn dns_suffix(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
