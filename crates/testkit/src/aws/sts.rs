//! The query protocol, as STS uses it: form in, XML out.

use axum::response::Response;

use super::{
    answer::raw,
    caller::{Caller, Session},
    refusal::Refusal,
};
use crate::id::uuid;

pub(super) const CONTENT_TYPE: &str = "text/xml";
pub(super) const GET_CALLER_IDENTITY: &str = "GetCallerIdentity";
pub(super) const ASSUME_ROLE: &str = "AssumeRole";
pub(super) const ASSUME_ROLE_WITH_WEB_IDENTITY: &str = "AssumeRoleWithWebIdentity";
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Returns the identity of the caller.
pub(super) fn identity(caller: &Caller, region: &str) -> Response {
    let (arn, id, account) = (escape(&caller.arn(region)), escape(&caller.id), escape(&caller.account));
    success(GET_CALLER_IDENTITY, &format!("<Arn>{arn}</Arn><UserId>{id}</UserId><Account>{account}</Account>"))
}

/// Returns the keys of a session.
pub(super) fn assumed(session: &Session, partition: &str) -> Response {
    success(ASSUME_ROLE, &keys(session, partition))
}

/// Returns the keys of a session, and the subject of the token.
pub(super) fn assumed_with_web_identity(session: &Session, partition: &str) -> Response {
    let result = keys(session, partition)
        + "<SubjectFromWebIdentityToken>system:serviceaccount:fake:fake</SubjectFromWebIdentityToken>\
           <Provider>arn:aws:iam::123456789012:oidc-provider/fake</Provider><Audience>sts.amazonaws.com</Audience>";
    success(ASSUME_ROLE_WITH_WEB_IDENTITY, &result)
}

fn keys(session: &Session, partition: &str) -> String {
    let (caller, keys) = (session.caller(), &session.keys);
    format!(
        "<AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>\
         <Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>",
        escape(&caller.id),
        escape(&caller.arn_in(partition)),
        keys.access_key,
        keys.secret_key,
        keys.session_token,
        keys.expiration(),
    )
}

fn success(action: &str, result: &str) -> Response {
    let body = format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}</{action}Result>\
         <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{action}Response>",
        uuid(),
    );
    raw(200, CONTENT_TYPE, body)
}

/// Returns the body of an error response.
pub(super) fn error(refusal: &Refusal, request_id: &str) -> String {
    let fault = if refusal.status < 500 { "Sender" } else { "Receiver" };
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{fault}</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>{request_id}</RequestId></ErrorResponse>",
        escape(&refusal.code),
        escape(&refusal.message),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
