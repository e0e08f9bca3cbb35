//! ECR fails, throttles or refuses.

use std::time::{Duration, Instant};

use regcred_testkit::{FaultProxy, aws::Answer, fault::Fault};

use super::{BRIEFLY, FORCED, ONE, many};
use crate::world::{World, of, run};

fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::Error { status, code: code.into(), message: message.into(), retry_after: None }
}

/// Case 1: ECR answers 500, 502 or 503.
///
/// The pass ends with exit code 3 and leaves Secrets byte for byte. It makes at most three calls. The first pass after
/// the outage refreshes.
#[tokio::test(flavor = "multi_thread")]
async fn existing_secrets_stay_unchanged_while_ecr_is_down() {
    let world = World::new(&["team-a"]).await;
    assert_eq!(run(&mut world.once(ONE, &[])).0, 0);
    let before = world.secret("team-a");
    for status in [500, 502, 503] {
        let calls = world.mints();
        world.aws.answer_with(error(status, "ServerException", "because"));
        let (code, report, _) = run(&mut world.once(ONE, FORCED));
        let (state, why) = of(&report, "team-a");
        assert_eq!((code, state.as_str()), (3, "failed"), "{report:#}");
        assert!(why.contains(&format!("HTTP {status}")) && why.contains("(unreachable)"), "{why}");
        assert!((1..=3).contains(&(world.mints() - calls)));
        assert_eq!(world.secret("team-a"), before);
    }
    world.aws.answer_with(Answer::Token);
    assert_eq!(run(&mut world.once(ONE, FORCED)).0, 0);
    assert_ne!(world.secret("team-a"), before);
}

/// Case 2: ECR throttles, with 429 or with one of its error codes for throttling.
///
/// The pass makes one call for all namespaces. After the pause that the answer asks for, it finishes everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_pass_makes_one_call_and_respects_retry_after() {
    let (namespaces, config) = many(20);
    for (status, code, asked) in
        [(429, "Whatever", Some(3)), (400, "ThrottleException", None), (400, "ThrottlingException", None)]
    {
        let world = World::new(&namespaces.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let proxy = FaultProxy::start(world.aws.address()).await;
        let throttled = Fault::Answer {
            status,
            content_type: "application/x-amz-json-1.1".into(),
            headers: asked.map(|seconds: u64| ("Retry-After".into(), seconds.to_string())).into_iter().collect(),
            body: format!("{{\"__type\":\"{code}\"}}"),
        };
        proxy.set_for(1, throttled);
        let began = Instant::now();
        let mut once = world.once(&config, &["--output", "json"]);
        let (exit, report, logs) = run(once.env("AWS_ENDPOINT_URL_ECR", proxy.url()));
        assert_eq!(exit, 0, "{report:#} {logs}");
        assert!(began.elapsed() >= Duration::from_secs(asked.unwrap_or(1)), "the pause is kept");
        assert_eq!((proxy.requests(), world.mints()), (2, 1));
        assert_eq!(world.kube.objects("secrets").len(), 20);
    }
}

/// Case 3: the identity may not request a token.
///
/// regcred makes one call and exits with code 2. The message names the action and the principal, and nothing is
/// written.
#[tokio::test(flavor = "multi_thread")]
async fn a_denied_mint_names_the_action_and_the_principal() {
    let world = World::new(&["team-a"]).await;
    let message = "User: arn:aws:sts::123456789012:assumed-role/pull/s is not authorized to perform: \
                   ecr:GetAuthorizationToken on resource: * because no identity-based policy allows it";
    world.aws.answer_with(error(400, "AccessDeniedException", message));
    let (code, report, _) = run(&mut world.once(ONE, &["--output", "json"]));
    let (_, why) = of(&report, "team-a");
    assert_eq!((code, world.mints()), (2, 1), "{report:#}");
    assert!(why.contains("action ecr:GetAuthorizationToken") && why.contains("(denied)"), "{why}");
    assert!(why.contains("principal arn:aws:sts::123456789012:assumed-role/pull/s"), "{why}");
    assert_eq!(world.kube.objects("secrets").len(), 0);
}

/// Case 9: the key is deactivated, or the role deleted, while the earlier token still works.
///
/// The Secret stays. The report contains the refused refresh and the expiry of the Secret. The exit code is 2.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_reported_with_the_expiry_of_the_existing_secret() {
    let world = World::new(&["team-a"]).await;
    assert_eq!(run(&mut world.once(ONE, &[])).0, 0);
    let before = world.secret("team-a").expect("it was written");
    for code in ["UnrecognizedClientException", "InvalidClientTokenId"] {
        world.aws.answer_with(error(400, code, "The security token included in the request is invalid."));
        let (exit, report, _) = run(&mut world.once(ONE, FORCED));
        let (state, why) = of(&report, "team-a");
        assert_eq!((exit, state.as_str()), (2, "failed"), "{report:#}");
        assert!(why.contains("AWS denied it") && why.contains(code), "{why}");
        let ends = &before["metadata"]["annotations"]["regcred.dev/expires-at"];
        assert_eq!(&report["targets"][0]["providers"]["ecr-eu-west-1"]["expires_at"], ends);
        assert_eq!(world.secret("team-a").as_ref(), Some(&before));
        let (exit, report, _) = run(&mut world.once(ONE, BRIEFLY));
        assert_eq!(exit, 0, "a fresh target needs no request: {report:#}");
    }
}
