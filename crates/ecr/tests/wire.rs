//! Wire tests of the provider: the real SDK against a fake server on loopback.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_core::{Clock, Error, ErrorKind, RegistryProvider, SystemClock, testing::conformance};
use regcred_ecr::{AccountId, EcrProvider, EcrProviderBuilder, Region, Transport};
use regcred_testkit::{FakeAws, aws::Answer};

fn builder(aws: &FakeAws, region: &str) -> EcrProviderBuilder {
    let identity = Credentials::from_keys("AKIAIOSFODNN7EXAMPLE", "secret-key", None);
    let region = Region::new(region).expect("valid");
    EcrProvider::builder(region).with_endpoint(aws.url()).with_identity(identity).with_clock(Arc::new(SystemClock))
}

async fn provider(aws: &FakeAws) -> EcrProvider {
    builder(aws, "eu-west-1").build().await.expect("it is whole")
}

async fn failure(answer: Answer) -> Error {
    let aws = FakeAws::start().await;
    aws.answer_with(answer);
    let error = provider(&aws).await.credential().await.expect_err("the answer is not a token");
    assert_eq!(aws.calls().len(), 1, "one call is one attempt: {error:?}");
    error
}

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    Answer::Error { status, code: code.into(), message: message.into(), retry_after: None }
}

fn raw(body: &str) -> Answer {
    Answer::Raw { status: 200, content_type: "application/x-amz-json-1.1".into(), body: body.into() }
}

#[tokio::test]
async fn a_token_is_minted_for_the_account_that_the_answer_names() {
    let aws = FakeAws::start().await;
    let credential = provider(&aws).await.credential().await.expect("it mints");
    let issued = aws.issued();
    let [login] = credential.logins() else { panic!("{credential:?}") };
    assert_eq!(login.registries()[0].as_str(), "123456789012.dkr.ecr.eu-west-1.amazonaws.com");
    assert_eq!((login.username(), login.secret().expose()), ("AWS", issued[0].password.as_str()));
    assert_eq!(
        (aws.calls()[0].region.as_str(), aws.calls()[0].access_key.as_str()),
        ("eu-west-1", "AKIAIOSFODNN7EXAMPLE")
    );
}

#[tokio::test]
async fn accounts_and_partition_determine_the_registry_hosts() {
    let aws = FakeAws::start().await;
    let accounts = ["210987654321", "000000000001"].map(|it| AccountId::new(it).expect("valid"));
    let provider = builder(&aws, "cn-north-1").with_accounts(accounts).build().await.expect("it is whole");
    let credential = provider.credential().await.expect("it mints");
    let registries = credential.registries().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        registries,
        ["210987654321.dkr.ecr.cn-north-1.amazonaws.com.cn", "000000000001.dkr.ecr.cn-north-1.amazonaws.com.cn",]
    );
}

/// Two fake servers. The second one quotes the token in an unexpected place.
struct Ecr {
    sane: FakeAws,
    mad: FakeAws,
}

#[async_trait]
impl conformance::ProviderUnderTest for Ecr {
    fn canary(&self) -> &'static str {
        "canary"
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    async fn provider(&self) -> Arc<dyn RegistryProvider> {
        Arc::new(provider(&self.sane).await)
    }

    async fn misled(&self) -> Arc<dyn RegistryProvider> {
        Arc::new(provider(&self.mad).await)
    }
}

#[tokio::test]
async fn the_ecr_provider_conforms() {
    let (sane, mad) = (FakeAws::start().await, FakeAws::start().await);
    let token = STANDARD.encode("AWS:canary");
    let end = SystemClock.now() + Duration::from_hours(12);
    let end = end.duration_since(std::time::SystemTime::UNIX_EPOCH).expect("after 1970").as_secs_f64();
    let host = "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let entry = format!(r#"{{"authorizationToken":"{token}","expiresAt":{end:.3},"proxyEndpoint":"{host}"}}"#);
    sane.answer_with(raw(&format!(r#"{{"authorizationData":[{entry}]}}"#)));
    mad.answer_with(raw(&format!(
        r#"{{"authorizationData":[{{"authorizationToken":"canary","proxyEndpoint":"{host}"}}]}}"#
    )));
    conformance::provider(&Ecr { sane, mad }).await;
}

#[tokio::test]
async fn refusals_map_to_error_kinds_and_name_action_and_principal() {
    let message = "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:GetAuthorizationToken on resource: *";
    let denied = failure(refusal(400, "AccessDeniedException", message)).await;
    assert_eq!(denied.kind(), ErrorKind::Denied);
    let said = denied.chain();
    assert!(said.contains("arn:aws:iam::123456789012:user/ci") && said.contains("ecr:GetAuthorizationToken"), "{said}");

    let cases = [
        (400, "ExpiredTokenException", ErrorKind::Denied),
        (400, "UnrecognizedClientException", ErrorKind::Denied),
        (400, "ThrottlingException", ErrorKind::Throttled),
        (400, "ThrottleException", ErrorKind::Throttled),
        (429, "TooManyRequestsException", ErrorKind::Throttled),
        (500, "ServerException", ErrorKind::Unreachable),
        (503, "ServiceUnavailable", ErrorKind::Unreachable),
        (400, "InvalidParameterException", ErrorKind::Invalid),
    ];
    for (status, code, kind) in cases {
        assert_eq!(failure(refusal(status, code, "because")).await.kind(), kind, "{code}");
    }
}

#[tokio::test]
async fn the_retry_after_of_ecr_is_reported() {
    let answer =
        Answer::Error { status: 429, code: "ThrottlingException".into(), message: "slow".into(), retry_after: Some(7) };
    assert_eq!(failure(answer).await.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_malformed_answer_is_refused_and_not_quoted() {
    let long = format!(r#"{{"authorizationData":[],"canary":"{}"}}"#, "canary".repeat(20_000));
    let page = Answer::Raw { status: 200, content_type: "text/html".into(), body: "<html>canary</html>".into() };
    let bodies =
        ["", "canary", "{\"canary\":", r#"{"authorizationData":null}"#, r#"{"authorizationData":[]}"#, "[]", &long];
    for answer in bodies.into_iter().map(raw).chain([page]) {
        let error = failure(answer).await;
        assert_eq!(error.kind(), ErrorKind::Malformed, "{error:?}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn a_closed_endpoint_is_unreachable() {
    let aws = FakeAws::start().await;
    let gone = builder(&aws, "eu-west-1");
    drop(aws);
    let error = gone.build().await.expect("it is whole").credential().await.expect_err("no server listens");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
}

#[tokio::test]
async fn a_plain_http_endpoint_outside_loopback_is_refused() {
    let region = || Region::new("eu-west-1").expect("valid");
    let error = EcrProvider::builder(region()).with_endpoint("http://ecr.example").build().await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.to_string(), "the endpoint \"http://ecr.example\" is neither HTTPS nor on loopback");
}

#[tokio::test]
async fn a_host_of_another_region_is_refused() {
    let host = "123456789012.dkr.ecr.us-east-1.amazonaws.com".parse().expect("valid");
    let region = Region::new("eu-west-1").expect("valid");
    let error = EcrProvider::builder(region).with_hosts([host]).build().await.expect_err("refused");
    assert!(error.to_string().contains("is not in eu-west-1"), "{error:?}");
}

#[tokio::test]
async fn a_caller_other_than_the_pinned_principal_is_denied() {
    let aws = FakeAws::start().await;
    let pinned = builder(&aws, "eu-west-1").with_principal("arn:aws:iam::123456789012:role/pull");
    let provider = pinned.build().await.expect("it is whole");
    let refused = provider.check_principal("arn:aws:iam::123456789012:user/ci").expect_err("it is another");
    assert!(refused.kind() == ErrorKind::Denied && refused.chain().contains(":user/ci"), "{refused:?}");
    provider.check_principal("arn:aws:sts::123456789012:assumed-role/pull/session").expect("it is a session of it");
}

#[tokio::test]
async fn the_last_answer_gives_the_time_of_aws() {
    let (aws, transport) = (FakeAws::start().await, Transport::new().expect("the environment is empty"));
    assert_eq!(transport.their_time(), None, "no request was sent yet");
    let provider = builder(&aws, "eu-west-1").with_transport(transport.clone()).build().await.expect("it is whole");
    provider.credential().await.expect("it mints");
    let (theirs, ours) = (transport.their_time().expect("it answered"), SystemClock.now());
    let off = theirs.duration_since(ours).unwrap_or_else(|earlier| earlier.duration());
    assert!(off < Duration::from_secs(30), "{off:?}");
}

#[tokio::test]
async fn a_machine_with_a_wrong_clock_signs_with_the_time_of_aws() {
    let hour = Duration::from_hours(1);
    for aws in [
        FakeAws::start_at(move || SystemClock.now() + hour).await,
        FakeAws::start_at(move || SystemClock.now() - hour).await,
    ] {
        let transport = Transport::new().expect("the environment is empty");
        let with = |region: &str| builder(&aws, region).with_transport(transport.clone());
        let first = with("eu-west-1").build().await.expect("it is whole");
        first.credential().await.expect("a call that is refused for its time is repeated");
        assert_eq!(aws.calls().len(), 2);
        first.credential().await.expect("the time is known");
        let other = with("us-east-1").build().await.expect("it is whole");
        other.credential().await.expect("to those that share the way too");
        assert_eq!(aws.calls().len(), 4);
    }
}
