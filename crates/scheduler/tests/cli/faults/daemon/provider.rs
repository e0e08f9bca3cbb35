//! ECR throttles, refuses or does not answer.

use std::time::{Duration, Instant};

use regcred_core::{Clock, SystemClock};
use regcred_testkit::{FakeAws, FaultProxy, aws::Answer, fault::Fault};

use super::{SELECTED, names};
use crate::{
    daemon::{Daemon, has_secret, is_linked},
    world::World,
};

fn denied(code: &str, message: &str) -> Answer {
    Answer::Error { status: 400, code: code.into(), message: message.into(), retry_after: None }
}

/// Case 2: ECR throttles a daemon.
///
/// The daemon makes one call for all of its namespaces. It makes no call during the pause that the answer asks for, and
/// then one more.
#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_daemon_makes_one_call_and_respects_retry_after() {
    let names = names(20);
    let world = World::new(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let proxy = FaultProxy::start(world.aws.address()).await;
    let throttled = Fault::Answer {
        status: 400,
        content_type: "application/x-amz-json-1.1".into(),
        headers: vec![("Retry-After".into(), "2".into())],
        body: r#"{"__type":"ThrottlingException"}"#.into(),
    };
    // The calls for the identity and for the token are throttled.
    proxy.set_for(2, throttled);
    let began = Instant::now();
    let daemon = Daemon::start_with(&world, SELECTED, |it| {
        it.env("AWS_ENDPOINT_URL", proxy.url());
    });
    world.kube.until("all are served", |kube| kube.objects("secrets").len() == 20).await;
    assert!(began.elapsed() >= Duration::from_secs(2), "the pause is kept");
    assert_eq!((proxy.requests(), world.mints()), (3, 1));
    daemon.stop();
}

/// Case 3: a daemon's identity may not request a token.
///
/// The daemon requests a token once in five minutes, however many namespaces need it. It logs the first failure with
/// the action and the principal, and stays ready.
#[tokio::test(flavor = "multi_thread")]
async fn a_denied_daemon_retries_every_five_minutes_and_stays_ready() {
    let world = World::new(&["app-a"]).await;
    let message = "User: arn:aws:sts::123456789012:assumed-role/pull/s is not authorized to perform: \
                   ecr:GetAuthorizationToken on resource: * because no identity-based policy allows it";
    world.aws.answer_with(denied("AccessDeniedException", message));
    let mut daemon = Daemon::start(&world, SELECTED);
    let told = daemon.told("cannot mint credential");
    assert!(told.contains("action ecr:GetAuthorizationToken") && told.contains("retry_in_seconds=300"), "{told}");
    assert!(told.contains("principal arn:aws:sts::123456789012:assumed-role/pull/s"), "{told}");
    for name in ["app-b", "app-c"] {
        world.kube.add_namespace(name, &["default"]);
        daemon.told(&format!("target={name}/ecr-secret in cluster"));
    }
    assert_eq!(world.mints(), 1, "who is new waits like the others");
    assert_eq!((daemon.get("/readyz").0, daemon.get("/livez").0), (200, 200));
    assert_eq!(daemon.metric("regcred_targets{sink=\"cluster\",state=\"failed\"}").to_string(), "3");
    assert!(world.kube.objects("secrets").is_empty());
    daemon.stop();
}

/// Case 9: a daemon's key is deactivated while the earlier token still works.
///
/// The Secret stays as it is. The daemon restores a deleted Secret from the token in memory, and logs the failure once.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_with_a_deactivated_key_keeps_serving_the_working_token() {
    let world = World::new(&["app-a"]).await;
    let mut daemon = Daemon::start(&world, SELECTED);
    world.kube.until("it is served", is_linked("app-a")).await;
    let before = world.secret("app-a").expect("it is there");
    world
        .aws
        .answer_with(denied("UnrecognizedClientException", "The security token included in the request is invalid."));
    world.kube.remove("secrets", "app-a", "ecr-secret");
    world.kube.until("it is restored", has_secret("app-a")).await;
    let after = world.secret("app-a").expect("it is there");
    assert_eq!((&after["data"], world.mints()), (&before["data"], 1), "and no request was sent");
    daemon.signal("USR1");
    let told = daemon.told("cannot mint credential");
    assert!(told.contains("UnrecognizedClientException") && told.contains("AWS denied it"), "{told}");
    daemon.told("target=app-a/ecr-secret in cluster");
    assert_eq!(world.secret("app-a"), Some(after));
    assert_eq!(daemon.get("/healthz/targets").0, 200, "hours are left");
    daemon.stop();
}

/// Case 10: the clock of this machine is ten minutes slow or fast.
///
/// AWS refuses the first signature and returns its own time. The daemon immediately signs the next call with that time.
/// A warning and a metric report the difference, and the Secret is refreshed by its own dates. The daemon notices a
/// corrected clock within five minutes.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_costs_one_call_and_is_reported() {
    let ten_minutes = Duration::from_mins(10);
    for (aws, shown) in [
        (FakeAws::start_at(move || SystemClock.now() + ten_minutes).await, 600.0),
        (FakeAws::start_at(move || SystemClock.now() - ten_minutes).await, -600.0),
    ] {
        let world = World { aws, ..World::new(&["app-a"]).await };
        let mut daemon = Daemon::start(&world, SELECTED);
        daemon.told("detected clock skew");
        world.kube.until("it is served", is_linked("app-a")).await;
        let mints = world.mints();
        assert!((1..=2).contains(&mints), "the request for the identity may have shown the time: {mints}");
        let skew = daemon.metric("regcred_clock_skew_seconds");
        assert!((skew - shown).abs() < 5.0, "{skew}");
        let before = world.secret("app-a");
        daemon.signal("USR1");
        world.kube.until("it is minted anew", |kube| kube.object("secrets", "app-a", "ecr-secret") != before).await;
        assert_eq!(world.mints(), mints + 1, "once the time is known no call is refused");
        daemon.stop();
    }
}

/// Case 11: ECR accepts a daemon's connection and never answers.
///
/// The call has a deadline. After it, the daemon retries, and serves the targets that wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_retries_if_ecr_never_answers() {
    let world = World::new(&["app-a"]).await;
    let proxy = FaultProxy::start(world.aws.address()).await;
    proxy.set(Fault::BlackHole);
    let mut daemon = Daemon::start_with(&world, SELECTED, |it| {
        it.env("AWS_ENDPOINT_URL", proxy.url());
    });
    let told = daemon.told("cannot mint credential");
    assert!(told.contains("kind=unreachable"), "{told}");
    proxy.set(Fault::None);
    world.kube.until("it is served", is_linked("app-a")).await;
    daemon.stop();
}
