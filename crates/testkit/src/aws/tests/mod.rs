//! Tests over the network, in both protocols.

mod direct;
mod roles;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{state::TWELVE_HOURS, *};
use crate::{
    client::{Reply, send},
    lock::lock,
    now::now,
};

fn signed(region: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/{region}/{service}/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=0123456789abcdef"
    )
}

async fn get_token(aws: &FakeAws, region: &str) -> Reply {
    let headers = [
        ("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"),
        ("authorization", &signed(region, "ecr")),
        ("content-type", "application/x-amz-json-1.1"),
    ];
    send(&aws.url(), "POST", "/", &headers, "{}").await
}

async fn get_identity(aws: &FakeAws, action: &str) -> Reply {
    let headers =
        [("authorization", &*signed("cn-north-1", "sts")), ("content-type", "application/x-www-form-urlencoded")];
    send(&aws.url(), "POST", "/", &headers, &format!("Action={action}&Version=2011-06-15")).await
}

fn password(reply: &Reply) -> String {
    let token = reply.json()["authorizationData"][0]["authorizationToken"].as_str().expect("a token").to_owned();
    let token = String::from_utf8(STANDARD.decode(token).expect("base64")).expect("text");
    token.strip_prefix("AWS:").expect("the user is AWS").to_owned()
}

#[tokio::test]
async fn a_token_contains_its_registry_and_lives_twelve_hours() {
    let aws = FakeAws::start().await;
    let reply = get_token(&aws, "eu-west-1").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/x-amz-json-1.1"));
    assert_eq!(reply.header("x-amzn-RequestId").len(), 36);
    let body = reply.json();
    let data = &body["authorizationData"][0];
    assert_eq!(data["proxyEndpoint"], "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com");
    let issued = aws.issued().remove(0);
    assert_eq!(issued.password, password(&reply));
    assert_eq!(issued.password.len(), 2_700);
    let expires_at = data["expiresAt"].as_f64().expect("seconds as a float");
    let remembered = issued.expires_at.duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    assert!((expires_at - remembered).abs() < 0.000_5);
    let left = issued.expires_at.duration_since(now()).expect("not expired");
    assert!(left <= TWELVE_HOURS && left + Duration::from_mins(1) > TWELVE_HOURS);
    assert_eq!(
        aws.calls(),
        [Call {
            action: "GetAuthorizationToken".into(),
            region: "eu-west-1".into(),
            access_key: "AKIDEXAMPLE".into(),
            ..Call::default()
        }]
    );
}

#[tokio::test]
async fn every_mint_gives_a_new_password_and_debug_shows_none() {
    let aws = FakeAws::start().await.with_account("210987654321");
    aws.set_life(Duration::from_mins(5));
    let (one, two) = (password(&get_token(&aws, "cn-north-1").await), password(&get_token(&aws, "cn-north-1").await));
    assert_ne!(one, two);
    let issued = aws.issued();
    assert_eq!(issued[1].registry, "210987654321.dkr.ecr.cn-north-1.amazonaws.com.cn");
    assert!(issued[1].expires_at < now() + Duration::from_mins(6));
    for shown in [format!("{aws:?}"), format!("{issued:?}")] {
        assert!(!shown.contains(&one) && !shown.contains(&two));
    }
}

#[tokio::test]
async fn an_unsigned_or_unknown_request_is_refused_in_the_protocols_form() {
    let aws = FakeAws::start().await;
    let target = ("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken");
    let reply = send(&aws.url(), "POST", "/", &[target], "{}").await;
    assert_eq!((reply.status, reply.json()["__type"].clone()), (400, "MissingAuthenticationTokenException".into()));

    let wrong = ("authorization", &*signed("eu-west-1", "sts"));
    let reply = send(&aws.url(), "POST", "/", &[target, wrong], "{}").await;
    assert_eq!((reply.status, reply.json()["__type"].clone()), (403, "InvalidSignatureException".into()));

    let right = ("authorization", &*signed("eu-west-1", "ecr"));
    let unknown = ("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.DoMagic");
    let reply = send(&aws.url(), "POST", "/", &[unknown, right], "{}").await;
    assert_eq!((reply.status, reply.json()["__type"].clone()), (400, "UnknownOperationException".into()));

    let reply = get_identity(&aws, "DoMagic").await;
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("<Code>InvalidAction</Code>"), "{}", reply.text());
    assert!(aws.issued().is_empty());
    assert_eq!(aws.calls().len(), 4);
}

#[tokio::test]
async fn get_caller_identity_returns_the_arn_of_the_caller() {
    let aws = FakeAws::start().await;
    let reply = get_identity(&aws, "GetCallerIdentity").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/xml"));
    assert!(reply.text().contains("<Arn>arn:aws-cn:iam::123456789012:user/fake</Arn>"), "{}", reply.text());
    assert_eq!(aws.calls()[0].action, "GetCallerIdentity");
}

#[tokio::test]
async fn errors_are_returned_until_they_are_reset_and_a_region_can_have_its_own() {
    let aws = FakeAws::start().await;
    let error = Answer::Error {
        status: 429,
        code: "ThrottleException".into(),
        message: "Rate <exceeded>".into(),
        retry_after: Some(7),
    };
    aws.answer_with(error.clone());
    aws.answer_region_with(
        "us-east-1",
        Answer::Raw { status: 200, content_type: "text/html".into(), body: "<html>".into() },
    );
    let reply = get_token(&aws, "eu-west-1").await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, "7"));
    assert_eq!(reply.json(), serde_json::json!({ "__type": "ThrottleException", "message": "Rate <exceeded>" }));
    assert!(get_identity(&aws, "GetCallerIdentity").await.text().contains("Rate &lt;exceeded&gt;"));
    let reply = get_token(&aws, "us-east-1").await;
    assert_eq!((reply.status, reply.header("content-type"), reply.text()), (200, "text/html", "<html>"));

    aws.answer_with(Answer::Token);
    assert_eq!(get_token(&aws, "eu-west-1").await.status, 200);
    assert_eq!(get_token(&aws, "us-east-1").await.text(), "<html>");
    aws.answer_region_with("us-east-1", Answer::Token);
    assert_ne!(get_token(&aws, "us-east-1").await.json()["authorizationData"], Value::Null);
}

#[tokio::test]
async fn a_listener_receives_a_token_before_the_caller() {
    let aws = FakeAws::start().await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    aws.on_issue(move |issued| lock(&ear).push(issued.password.clone()));
    let password = password(&get_token(&aws, "eu-west-1").await);
    assert_eq!(*lock(&heard), [password]);
}

#[tokio::test]
async fn a_hanging_call_is_counted_and_ends_with_the_server() {
    let aws = FakeAws::start().await;
    aws.answer_with(Answer::Hang);
    let url = aws.url();
    let hanging = tokio::spawn(async move {
        send(&url, "POST", "/", &[("authorization", &signed("eu-west-1", "sts"))], "Action=GetCallerIdentity").await
    });
    while aws.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(!hanging.is_finished());
    drop(aws);
    assert!(hanging.await.map_or(true, |reply| reply.status == 503));
}
