//! One row per behaviour of a registry: the result, the log, and no secret.

use std::{sync::Arc, time::Duration};

use axum::response::Response;
use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_core::{Error, RegistryProvider, SystemClock, testing::FakeProvider};
use regcred_testkit::{FaultProxy, fault::Fault};
use regcred_verify::VerifiedBuilder;

use crate::{
    builder, client,
    logs::Logs,
    of,
    registry::{ANSWERED, Asked, FakeRegistry, TOKEN, answer, challenge, token, with_header},
};

/// The expectation of a row: a code, or acceptance.
type Expected = Result<(), &'static str>;
/// The answers of a registry.
type Behaviour = fn(&Asked) -> Response;

fn basic(asked: &Asked, status: u16) -> Response {
    if asked.has_password() { answer(status) } else { challenge(&format!("Basic realm=\"{ANSWERED}\"")) }
}

/// Answers as a registry with a token server, with these two answers to a login.
fn bearer(asked: &Asked, at_server: impl Fn() -> Response, at_registry: impl Fn() -> Response) -> Response {
    match asked {
        asked if asked.is_for_token() && asked.has_password() => at_server(),
        asked if asked.has_token() => at_registry(),
        asked => asked.ask_for_token(),
    }
}

/// Verifies a credential, and checks that neither the error nor the logs contain a secret or a part of an answer.
async fn verify(builder: VerifiedBuilder, logs: &Logs) -> (Expected, String) {
    let verified = builder.build().expect("it is usable");
    let result = verified.credential().await;
    let (logged, shown) = (logs.take(), format!("{verified:?} {result:?}"));
    let error = result.as_ref().err().map(Error::summary).unwrap_or_default();
    for text in [&logged, &shown, &error] {
        let encoded = STANDARD.encode("AWS:canary-1");
        for secret in ["canary", TOKEN, ANSWERED, encoded.trim_end_matches('=')] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    (result.map(drop).map_err(|error| error.code().id()), logged)
}

#[tokio::test]
async fn only_a_definite_refusal_refuses_a_credential() {
    let rows: &[(&str, Behaviour, Expected, &str)] = &[
        ("Basic, accepted", |it| basic(it, 200), Ok(()), "DEBUG regcred_verify::verified: verified credential"),
        ("Basic, refused", |_| challenge("Basic"), Err("RC0591"), "trying again"),
        (
            "Basic, accepted at last",
            |it| basic(it, if it.earlier < 2 { 401 } else { 200 }),
            Ok(()),
            "verified credential",
        ),
        ("Basic, forbidden", |it| basic(it, 403), Ok(()), "WARN regcred_verify::verified: cannot verify credential"),
        ("Basic, throttled", |it| basic(it, 429), Ok(()), "the registry answers HTTP 429"),
        ("Basic, broken", |it| basic(it, 503), Ok(()), "the registry answers HTTP 503"),
        ("Basic, odd", |it| basic(it, 418), Ok(()), "DEBUG regcred_verify::verified: cannot verify credential"),
        ("Bearer, accepted", |it| bearer(it, token, || answer(200)), Ok(()), "verified credential"),
        ("Bearer, refused by the token server", |it| bearer(it, || answer(401), || answer(200)), Err("RC0591"), ""),
        ("Bearer, refused by the registry", |it| bearer(it, token, || answer(401)), Err("RC0591"), ""),
        ("Bearer, forbidden by the token server", |it| bearer(it, || answer(403), || answer(200)), Ok(()), "HTTP 403"),
        ("Bearer, broken token server", |it| bearer(it, || answer(500), || answer(200)), Ok(()), "HTTP 500"),
        ("Bearer, no token", |it| bearer(it, || answer(200), || answer(200)), Ok(()), "answers without a token"),
        (
            "Bearer, redirected",
            |it| bearer(it, || with_header(307, "location", "http://from-an-answer.example"), || answer(200)),
            Ok(()),
            "INFO regcred_verify::verified: cannot verify credential",
        ),
        ("anonymous", |_| answer(200), Ok(()), "reason=\"the registry answers without a login\""),
        ("throttled", |_| answer(429), Ok(()), "HTTP 429 without a login"),
        ("broken", |_| answer(500), Ok(()), "HTTP 500 without a login"),
        ("no API", |_| answer(404), Ok(()), "HTTP 404 without a login"),
        ("forbidden to everyone", |_| answer(403), Ok(()), "DEBUG regcred_verify::verified: cannot verify credential"),
        ("no challenge", |_| answer(401), Ok(()), "offers no login with a password or a token"),
        ("garbage", |_| challenge("Bearer realm=\"from-an-answer"), Ok(()), "offers no login"),
        ("another scheme", |_| challenge("Negotiate YWJj=="), Ok(()), "offers no login"),
        (
            "clear text",
            |_| challenge("Bearer realm=\"http://from-an-answer.example/t\""),
            Ok(()),
            "token server is not HTTPS",
        ),
        (
            "redirected",
            |_| with_header(302, "location", "/from-an-answer"),
            Ok(()),
            "it redirects to another URL (HTTP 302)",
        ),
        (
            "huge",
            |it| basic(it, 200).map(|_| ANSWERED.repeat(10_000).into()),
            Ok(()),
            "INFO regcred_verify::verified: cannot verify credential",
        ),
    ];
    let logs = Logs::collect();
    for (row, behaviour, expected, log) in rows {
        let registry = FakeRegistry::start(*behaviour).await;
        let (result, logged) = verify(builder(&registry), &logs).await;
        assert_eq!(result, *expected, "{row}: {logged}");
        assert!(logged.contains(log), "{row}: {logged}");
    }
}

#[tokio::test]
async fn strict_verification_also_refuses_for_http_403() {
    let logs = Logs::collect();
    for behaviour in [
        (|it| basic(it, 403)) as Behaviour,
        |it| bearer(it, || answer(403), || answer(200)),
        |it| bearer(it, token, || answer(403)),
    ] {
        let registry = FakeRegistry::start(behaviour).await;
        assert_eq!(verify(builder(&registry).strict(), &logs).await.0, Err("RC0592"));
    }
    let registry = FakeRegistry::start(|_| answer(403)).await;
    assert_eq!(verify(builder(&registry).strict(), &logs).await.0, Ok(()), "no login was sent");
}

#[tokio::test]
async fn a_login_alone_asks_for_no_repository() {
    let registry = FakeRegistry::start(|it| bearer(it, token, || answer(200))).await;
    builder(&registry).build().expect("it is usable").credential().await.expect("it is proven");
    let lines = registry.asked().into_iter().map(|it| it.line).collect::<Vec<_>>();
    assert_eq!(lines, ["GET /v2/", "GET /token/from-an-answer?service=from-an-answer", "GET /v2/"]);
}

#[tokio::test]
async fn a_broken_connection_never_blocks() {
    let logs = Logs::collect();
    let registry = FakeRegistry::start(|_| challenge("Basic")).await;
    let proxy = FaultProxy::start(registry.address()).await;
    for (fault, log) in [
        (Fault::Refuse, "cannot get an answer"),
        (Fault::Reset, "cannot get an answer"),
        (Fault::Truncate(20), "cannot"),
        (Fault::Garbage, "it is not HTTP"),
        (Fault::BlackHole, "no complete answer within"),
    ] {
        let deadline = Duration::from_millis(if fault == Fault::BlackHole { 50 } else { 10_000 });
        proxy.set(fault);
        let fake = FakeProvider::new(Arc::new(SystemClock), &proxy.address().to_string());
        let client = client().with_deadline(deadline).build().expect("it is usable");
        let (result, logged) = verify(of(Arc::new(fake)).with_client(client), &logs).await;
        assert_eq!(result, Ok(()), "{log}");
        assert!(logged.contains(log), "{log}: {logged}");
    }
    assert!(registry.asked().iter().all(|it| it.authorization.is_empty()), "no login without a challenge");
}

#[tokio::test]
async fn a_registry_that_proves_nothing_is_reported_once() {
    let logs = Logs::collect();
    let registry = FakeRegistry::start(|_| answer(200)).await;
    let verified = builder(&registry).build().expect("it is usable");
    for expected in [1, 0] {
        verified.credential().await.expect("it is accepted");
        let logged = logs.take();
        assert_eq!(
            logged.matches("INFO regcred_verify::verified: cannot verify credential").count(),
            expected,
            "{logged}"
        );
        assert!(logged.contains("the registry answers without a login"), "{logged}");
    }
}

#[tokio::test]
async fn a_repository_proves_what_the_root_does_not() {
    /// Answers at the root with this status and at the repository with that of the second function.
    fn repository(asked: &Asked, status: u16) -> Response {
        match asked {
            asked if asked.line == "GET /v2/team/app/tags/list?n=1" => bearer(asked, token, || answer(status)),
            asked if asked.is_for_token() => bearer(asked, token, || answer(200)),
            _ => answer(200),
        }
    }
    let rows: &[(Behaviour, Expected, Expected, &str)] = &[
        (|it| repository(it, 200), Ok(()), Ok(()), "verified credential"),
        (|it| repository(it, 404), Ok(()), Ok(()), "verified credential"),
        (|it| repository(it, 401), Err("RC0591"), Err("RC0591"), ""),
        (|it| repository(it, 403), Ok(()), Err("RC0592"), "HTTP 403"),
        (|it| repository(it, 500), Ok(()), Ok(()), "HTTP 500"),
        (|it| bearer(it, token, || answer(200)), Ok(()), Ok(()), "verified credential"),
        (|_| answer(200), Ok(()), Ok(()), "without a login"),
    ];
    let logs = Logs::collect();
    for (behaviour, lax, strict, log) in rows {
        let registry = FakeRegistry::start(*behaviour).await;
        let builder = builder(&registry).with_repository("team/app".parse().expect("valid"));
        let (result, logged) = verify(builder.clone(), &logs).await;
        assert_eq!(result, *lax, "{logged}");
        assert!(logged.contains(log), "{log}: {logged}");
        assert_eq!(verify(builder.strict(), &logs).await.0, *strict, "{log}");
    }
    // The scope is that of the repository.
    let registry = FakeRegistry::start(|it| repository(it, 200)).await;
    let builder = builder(&registry).with_repository("team/app".parse().expect("valid"));
    builder.build().expect("it is usable").credential().await.expect("it is proven");
    let lines = registry.asked().into_iter().map(|it| it.line).collect::<Vec<_>>();
    let tags = "GET /v2/team/app/tags/list?n=1";
    let token = "GET /token/from-an-answer?service=from-an-answer&scope=repository%3Ateam%2Fapp%3Apull";
    assert_eq!(lines, ["GET /v2/", tags, token, tags]);
}
