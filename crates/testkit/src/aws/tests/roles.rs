//! Tests of roles that callers and web identities assume, and of the keys of those roles.

use super::*;

const ROLE: &str = "arn:aws:iam::210987654321:role/team/a/pull";
const MINE: &str = "AKIDEXAMPLE";

/// Sends a call to STS in a region, with a key and an optional session token.
async fn sts(aws: &FakeAws, region: &str, key: &str, token: Option<&str>, form: &str) -> Reply {
    let authorization = signed(region, "sts").replace(MINE, key);
    let mut headers = vec![("authorization", authorization.as_str())];
    headers.extend(token.map(|token| ("x-amz-security-token", token)));
    send(&aws.url(), "POST", "/", &headers, &format!("{form}&Version=2011-06-15")).await
}

fn assume(role: &str) -> String {
    format!("Action=AssumeRole&RoleSessionName=regcred&RoleArn={}", role.replace(':', "%3A").replace('/', "%2F"))
}

fn with_token(token: &str) -> String {
    assume(ROLE).replace("AssumeRole&", "AssumeRoleWithWebIdentity&") + "&WebIdentityToken=" + token
}

/// Sends an unsigned call to STS.
async fn unsigned(aws: &FakeAws, form: &str) -> Reply {
    send(&aws.url(), "POST", "/", &[], form).await
}

/// Returns the text of the first element with this name.
fn element(reply: &Reply, name: &str) -> String {
    let after =
        reply.text().split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name}: {}", reply.text())).1;
    after.split_once("</").expect("it ends").0.to_owned()
}

fn assert_error(reply: &Reply, status: u16, code: &str, message: &str) {
    let told = (reply.status, element(reply, "Code"), element(reply, "Message"));
    assert_eq!(told, (status, code.to_owned(), message.to_owned()));
}

#[tokio::test]
async fn keys_of_an_assumed_role_identify_the_role_and_its_account() {
    let aws = FakeAws::start().await;
    for (region, partition) in [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")] {
        let reply = sts(&aws, region, MINE, None, &assume(ROLE)).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "text/xml"), "{}", reply.text());
        assert!(reply.text().starts_with("<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"));
        let arn = format!("arn:{partition}:sts::210987654321:assumed-role/pull/regcred");
        assert_eq!(element(&reply, "Arn"), arn);
        let keys = aws.sessions().pop().expect("a session was opened").keys;
        assert_eq!(element(&reply, "AccessKeyId"), keys.access_key);
        assert_eq!(element(&reply, "SecretAccessKey"), keys.secret_key);
        assert_eq!(element(&reply, "SessionToken"), keys.session_token);
        assert!(element(&reply, "Expiration").ends_with('Z'));
        assert!(keys.expires_at > now() + Duration::from_mins(59));

        let identity = "Action=GetCallerIdentity";
        let reply = sts(&aws, region, &keys.access_key, Some(&keys.session_token), identity).await;
        assert_eq!((element(&reply, "Arn"), element(&reply, "Account")), (arn, "210987654321".to_owned()));
        let reply = sts(&aws, region, MINE, None, identity).await;
        assert_eq!(element(&reply, "Arn"), format!("arn:{partition}:iam::123456789012:user/fake"));
    }
    let keys = aws.sessions().remove(0).keys;
    let authorization = signed("eu-west-1", "ecr").replace(MINE, &keys.access_key);
    let target = ("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken");
    let headers = [target, ("authorization", &authorization), ("x-amz-security-token", &keys.session_token)];
    assert_eq!(send(&aws.url(), "POST", "/", &headers, "{}").await.status, 200);
    assert_eq!(aws.issued()[0].registry, "210987654321.dkr.ecr.eu-west-1.amazonaws.com");
    let reply = send(&aws.url(), "POST", "/", &headers[..2], "{}").await;
    assert_eq!((reply.status, reply.json()["__type"].clone()), (400, "UnrecognizedClientException".into()));
}

#[tokio::test]
async fn keys_of_a_role_need_their_session_token_and_expire() {
    let aws = FakeAws::start().await;
    sts(&aws, "eu-west-1", MINE, None, &assume(ROLE)).await;
    let keys = aws.sessions().remove(0).keys;
    for token in [None, Some("another")] {
        let reply = sts(&aws, "eu-west-1", &keys.access_key, token, "Action=GetCallerIdentity").await;
        let message = "The security token included in the request is invalid.";
        assert_error(&reply, 403, "InvalidClientTokenId", message);
    }
    aws.set_session_life(Duration::ZERO);
    sts(&aws, "eu-west-1", MINE, None, &assume(ROLE)).await;
    let keys = aws.sessions().remove(1).keys;
    let reply = sts(&aws, "eu-west-1", &keys.access_key, Some(&keys.session_token), "Action=GetCallerIdentity").await;
    assert_error(&reply, 403, "ExpiredToken", "The security token included in the request is expired");
}

#[tokio::test]
async fn a_session_lives_for_the_requested_duration() {
    let aws = FakeAws::start().await;
    sts(&aws, "eu-west-1", MINE, None, &(assume(ROLE) + "&DurationSeconds=900")).await;
    let end = aws.sessions()[0].keys.expires_at;
    assert!(end > now() + Duration::from_mins(14) && end <= now() + Duration::from_mins(15));
}

#[tokio::test]
async fn a_role_that_requires_an_external_id_is_denied_without_it() {
    let aws = FakeAws::start().await;
    aws.require_external_id(ROLE, "tenant-7");
    let denied = format!(
        "User: arn:aws:iam::123456789012:user/fake is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    );
    for id in ["", "&ExternalId=tenant-8"] {
        let reply = sts(&aws, "eu-west-1", MINE, None, &(assume(ROLE) + id)).await;
        assert_error(&reply, 403, "AccessDenied", &denied);
    }
    assert_eq!(sts(&aws, "eu-west-1", MINE, None, &(assume(ROLE) + "&ExternalId=tenant-7")).await.status, 200);
    let other = "arn:aws:iam::123456789012:role/other";
    assert_eq!(sts(&aws, "eu-west-1", MINE, None, &assume(other)).await.status, 200);
    assert_eq!(aws.sessions().len(), 2);
    assert_eq!(
        aws.calls()[1],
        Call {
            action: "AssumeRole".into(),
            region: "eu-west-1".into(),
            access_key: MINE.into(),
            role_arn: Some(ROLE.into()),
            external_id: Some("tenant-8".into()),
            session_name: Some("regcred".into()),
            web_identity_token: None,
        }
    );
}

#[tokio::test]
async fn a_web_identity_needs_no_signature_and_its_token_is_not_shown() {
    let aws = FakeAws::start().await;
    let reply = unsigned(&aws, &with_token("eyJhbGciOi.canary")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(element(&reply, "Arn"), "arn:aws:sts::210987654321:assumed-role/pull/regcred");
    let session = aws.sessions().remove(0);
    assert_eq!(element(&reply, "SessionToken"), session.keys.session_token);
    assert_eq!((session.role_arn.as_str(), session.name.as_str()), (ROLE, "regcred"));
    let call = aws.calls().remove(0);
    assert_eq!((call.region.as_str(), call.access_key.as_str()), ("", ""));
    assert_eq!(call.web_identity_token.as_deref(), Some("eyJhbGciOi.canary"));
    for shown in [format!("{call:?}"), format!("{session:?}"), format!("{aws:?}")] {
        assert!(!shown.contains("canary") && !shown.contains(&session.keys.session_token), "{shown}");
    }
}

#[tokio::test]
async fn a_web_identity_with_an_empty_or_expired_token_is_refused() {
    let aws = FakeAws::start().await;
    let message = "1 validation error detected: Value '' at 'webIdentityToken' failed to satisfy constraint: Member must \
                   have length greater than or equal to 4";
    assert_error(&unsigned(&aws, &with_token("")).await, 400, "ValidationError", message);
    aws.expire_web_identity("old-token");
    let message = "Token expired: current date/time must be before the expiration date/time";
    assert_error(&unsigned(&aws, &with_token("old-token")).await, 400, "ExpiredTokenException", message);
    assert_eq!(unsigned(&aws, &with_token("new-token")).await.status, 200);
}

#[tokio::test]
async fn a_role_is_not_assumed_without_valid_parameters() {
    let aws = FakeAws::start().await;
    let long = "x".repeat(65);
    for (form, part) in [
        ("Action=AssumeRole&RoleSessionName=regcred", "Value null at 'roleArn'"),
        ("Action=AssumeRole&RoleSessionName=regcred&RoleArn=pull", "pull is invalid"),
        (&*assume(ROLE).replace("RoleSessionName=regcred&", ""), "Value null at 'roleSessionName'"),
        (&*assume(ROLE).replace("=regcred", "=a%20b"), "regular expression pattern"),
        (&*assume(ROLE).replace("=regcred", "=a"), "greater than or equal to 2"),
        (&*assume(ROLE).replace("=regcred", &format!("={long}")), "less than or equal to 64"),
    ] {
        let reply = sts(&aws, "eu-west-1", MINE, None, form).await;
        assert_eq!((reply.status, element(&reply, "Code").as_str()), (400, "ValidationError"), "{form}");
        assert!(element(&reply, "Message").contains(part), "{}", reply.text());
    }
    let reply = unsigned(&aws, &assume(ROLE)).await;
    assert_error(&reply, 400, "MissingAuthenticationTokenException", "Missing Authentication Token");
    assert!(aws.sessions().is_empty());
}

#[tokio::test]
async fn one_action_can_fail_while_other_actions_succeed() {
    let aws = FakeAws::start().await;
    let error =
        Answer::Error { status: 400, code: "Throttling".into(), message: "Rate exceeded".into(), retry_after: None };
    aws.answer_action_with("AssumeRole", error);
    assert_error(&sts(&aws, "eu-west-1", MINE, None, &assume(ROLE)).await, 400, "Throttling", "Rate exceeded");
    assert_eq!(get_token(&aws, "eu-west-1").await.status, 200);
    assert_eq!(unsigned(&aws, &with_token("some-token")).await.status, 200);
    aws.answer_action_with("AssumeRole", Answer::Token);
    assert_eq!(sts(&aws, "eu-west-1", MINE, None, &assume(ROLE)).await.status, 200);
}
