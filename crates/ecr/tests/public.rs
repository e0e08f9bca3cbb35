//! Wire tests of ECR Public: the real SDK against a fake server on loopback.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_core::{Clock, ErrorKind, RegistryProvider, Scope, SystemClock, testing::conformance};
use regcred_ecr::{AccountId, EcrProvider, EcrProviderBuilder};
use regcred_testkit::{FakeAws, aws::Answer};

const HOSTS: [&str; 2] = ["public.ecr.aws", "ecr-public.aws.com"];

fn builder(aws: &FakeAws) -> EcrProviderBuilder {
    let identity = Credentials::from_keys("AKIAIOSFODNN7EXAMPLE", "secret-key", None);
    EcrProvider::public_builder().with_endpoint(aws.url()).with_identity(identity).with_clock(Arc::new(SystemClock))
}

async fn provider(aws: &FakeAws) -> EcrProvider {
    builder(aws).build().await.expect("it is whole")
}

fn raw(body: &str) -> Answer {
    Answer::Raw { status: 200, content_type: "application/x-amz-json-1.1".into(), body: body.into() }
}

#[tokio::test]
async fn a_token_opens_both_hosts_and_is_requested_in_us_east_1() {
    let aws = FakeAws::start().await;
    let provider = provider(&aws).await;
    let Scope::Exact(scope) = provider.scope() else { panic!("both hosts are known before a mint") };
    assert_eq!(scope.iter().map(ToString::to_string).collect::<Vec<_>>(), HOSTS);
    let credential = provider.credential().await.expect("it mints");
    assert_eq!(credential.registries().map(ToString::to_string).collect::<Vec<_>>(), HOSTS);
    let [login] = credential.logins() else { panic!("{credential:?}") };
    assert_eq!((login.username(), login.secret().expose()), ("AWS", aws.issued()[0].password.as_str()));
    assert_eq!(aws.calls()[0].region, "us-east-1");
    assert_eq!(credential.validity().issuer(), None, "a token of ECR Public names no account");
}

#[tokio::test]
async fn an_account_is_refused_because_there_is_one_registry() {
    let aws = FakeAws::start().await;
    let account = AccountId::new("123456789012").expect("valid");
    let error = builder(&aws).with_accounts([account]).check().expect_err("there are no accounts");
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("one registry"), "{error:?}");
}

#[tokio::test]
async fn each_fault_of_an_answer_has_its_kind_and_quotes_nothing() {
    let error = |status, code: &str| Answer::Error {
        status,
        code: code.into(),
        message: "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: sts:GetServiceBearerToken"
            .into(),
        retry_after: None,
    };
    let token = STANDARD.encode("AWS:canary");
    let past = format!(r#"{{"authorizationData":{{"authorizationToken":"{token}","expiresAt":1000000000}}}}"#);
    for (answer, kind, words) in [
        (error(400, "AccessDeniedException"), ErrorKind::Denied, "ecr-public:GetAuthorizationToken"),
        (error(400, "ThrottlingException"), ErrorKind::Throttled, "ecr-public:GetAuthorizationToken"),
        (error(500, "ServerException"), ErrorKind::Unreachable, "HTTP 500"),
        (raw("{}"), ErrorKind::Malformed, "it has no token"),
        (raw(r#"{"authorizationData":{"authorizationToken":"canary"}}"#), ErrorKind::Malformed, "6 characters"),
        (raw(&past), ErrorKind::Malformed, "expired before"),
        (raw("<html>canary</html>"), ErrorKind::Malformed, "HTTP 200"),
    ] {
        let aws = FakeAws::start().await;
        let shown = format!("{answer:?}");
        aws.answer_with(answer);
        let error = provider(&aws).await.credential().await.expect_err(&shown);
        assert_eq!(error.kind(), kind, "{shown}: {error:?}");
        assert!(error.chain().contains(words) && !error.chain().contains("canary"), "{shown}: {error:?}");
        assert_eq!(aws.calls().len(), 1, "one call is one attempt");
    }
}

/// Two fake servers. The second one quotes the token in an unexpected place.
struct Public {
    sane: FakeAws,
    mad: FakeAws,
}

#[async_trait]
impl conformance::ProviderUnderTest for Public {
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
async fn the_provider_of_ecr_public_conforms() {
    let (sane, mad) = (FakeAws::start().await, FakeAws::start().await);
    let token = STANDARD.encode("AWS:canary");
    let end = SystemClock.now() + Duration::from_hours(12);
    let end = end.duration_since(std::time::SystemTime::UNIX_EPOCH).expect("after 1970").as_secs_f64();
    sane.answer_with(raw(&format!(
        r#"{{"authorizationData":{{"authorizationToken":"{token}","expiresAt":{end:.3}}}}}"#
    )));
    mad.answer_with(raw(r#"{"authorizationData":{"authorizationToken":"canary"}}"#));
    conformance::provider(&Public { sane, mad }).await;
}
