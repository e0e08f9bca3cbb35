//! ECR answers with an invalid response.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred::core::{Clock, SystemClock};
use regcred_testkit::aws::Answer;
use serde_json::{Value, json};

use super::{BRIEFLY, ONE};
use crate::world::{World, of, run};

const HOST: &str = "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const HOUR: f64 = 3600.0;

fn raw(body: &Value) -> Answer {
    Answer::Raw { status: 200, content_type: "application/x-amz-json-1.1".into(), body: body.to_string() }
}

fn data(token: &str, host: &str, expires_at: &Value) -> Value {
    json!({ "authorizationToken": token, "proxyEndpoint": host, "expiresAt": expires_at })
}

fn now() -> f64 {
    SystemClock.now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

fn in_hours(hours: f64) -> Value {
    json!(((now() + hours * HOUR) * 1000.0).round() / 1000.0)
}

/// Runs a pass with this answer. Returns the exit code, the reason, and the Secret.
async fn answered(answer: &Value, config: &str) -> (i32, String, Option<Value>) {
    let world = World::new(&["team-a"]).await;
    world.aws.answer_with(raw(answer));
    let (code, report, logs) = run(&mut world.once(config, BRIEFLY));
    assert!(!logs.contains("canary"), "nothing of an answer is logged: {logs}");
    let (_, why) = of(&report, "team-a");
    (code, why, world.secret("team-a"))
}

async fn refused(answer: &Value, expected: &str) {
    let (code, why, secret) = answered(answer, ONE).await;
    assert_eq!((code, secret), (3, None), "{expected}: {why}");
    assert!(why.contains(expected) && why.contains("(malformed)") && !why.contains("canary"), "{expected}: {why}");
}

fn token(pair: impl AsRef<[u8]>) -> String {
    STANDARD.encode(pair)
}

/// Case 4: ECR answers without a token, or with several tokens.
///
/// regcred refuses an empty answer, and several tokens if none is clearly the right one. It writes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_token_or_with_several_is_refused() {
    let end = in_hours(12.0);
    refused(&json!({}), "cannot use the answer of ECR: it has no token").await;
    refused(&json!({ "authorizationData": null }), "cannot use the answer of ECR: it has no token").await;
    refused(&json!({ "authorizationData": [] }), "cannot use the answer of ECR: it has no token").await;
    refused(&json!({ "authorizationData": [{}] }), "cannot use the answer of ECR: it has no token").await;
    let other = "https://210987654321.dkr.ecr.eu-west-1.amazonaws.com";
    let two = json!({ "authorizationData": [data(&token("AWS:canary-a"), HOST, &end), data(&token("AWS:canary-b"), other, &end)] });
    refused(&two, "several tokens").await;
    let named = "targets: [{ namespace: team-a, registry: 210987654321.dkr.ecr.eu-west-1.amazonaws.com }]";
    let (code, why, _) = answered(&two, named).await;
    assert_eq!(code, 3, "one token serves every account of a region, so none is preferred: {why}");
    let elsewhere = "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example";
    refused(&json!({ "authorizationData": [data(&token("AWS:canary"), elsewhere, &end)] }), "no token for a registry")
        .await;
}

/// Case 5: a token is invalid: not base64, no colon, an empty part, control characters, not text, or far too long.
///
/// regcred refuses the token. The message names the length or the problem, and never the token. A colon in the password
/// is valid.
#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_token_is_refused_and_not_quoted() {
    let end = in_hours(12.0);
    let long = token(format!("AWS:{}", "canary".repeat(3000)));
    let bad = [
        ("canary!", "is not padded base64"),
        (&token("canary"), "it has no colon"),
        (&token(":canary"), "the user name is empty"),
        (&token("AWS:"), "the password is empty"),
        (&token("AWS:can\0ary"), "control character"),
        (&token("AWS:canary\n"), "control character"),
        (&token(b"AWS:canary\xff"), "does not decode to text"),
        (&long, "are allowed"),
    ];
    for (bad, why) in bad {
        refused(&json!({ "authorizationData": [data(bad, HOST, &end)] }), why).await;
    }
    let (code, why, secret) =
        answered(&json!({ "authorizationData": [data(&token("AWS:with:colon"), HOST, &end)] }), ONE).await;
    assert_eq!((code, why.as_str()), (0, ""));
    let stored = secret.expect("it was written")["data"][".dockerconfigjson"].as_str().expect("data").to_owned();
    let stored = String::from_utf8(STANDARD.decode(stored).expect("base64")).expect("text");
    assert!(stored.contains(&token("AWS:with:colon")), "{stored}");
}

/// Case 6: a token has no expiry, or an impossible one.
///
/// If the expiry is missing, regcred assumes one hour and logs it. It refuses an expiry in the past, in 1970, in 30 s
/// or in ten years.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_expiry_means_one_hour_and_an_impossible_expiry_is_refused() {
    let good = token("AWS:canary");
    for end in [in_hours(-1.0), json!(0), json!(-1), in_hours(30.0 / HOUR), in_hours(87600.0), in_hours(13.1)] {
        refused(&json!({ "authorizationData": [data(&good, HOST, &end)] }), "the token").await;
    }
    let world = World::new(&["team-a"]).await;
    world
        .aws
        .answer_with(raw(&json!({ "authorizationData": [{ "authorizationToken": good, "proxyEndpoint": HOST }] })));
    let (code, report, logs) = run(&mut world.once(ONE, BRIEFLY));
    assert_eq!(code, 0, "{report:#}");
    let assumed = logs.lines().find(|line| line.contains("assumed token expiry")).unwrap_or_else(|| panic!("{logs}"));
    let reason = "reason=\"the answer has no expiry\"";
    assert!(assumed.contains("expires_in_seconds=3600") && assumed.contains(reason), "{assumed}");
    let end = report["targets"][0]["providers"]["ecr-eu-west-1"]["expires_at"].as_str().expect("a date").to_owned();
    let end = end.parse::<jiff::Timestamp>().expect("RFC 3339").as_second();
    let left = Duration::from_secs(u64::try_from(end).expect("later")).as_secs_f64() - now();
    assert!((0.9 * HOUR..=HOUR).contains(&left), "{left}");
}

/// Case 7: ECR sends the expiry as a number with a fraction, as a whole number, or in milliseconds.
///
/// regcred accepts seconds in both forms. It refuses milliseconds, because the expiry would be thousands of years
/// ahead.
#[tokio::test(flavor = "multi_thread")]
async fn an_expiry_in_seconds_is_accepted_and_in_milliseconds_refused() {
    let good = token("AWS:canary");
    let seconds = now() + 12.0 * HOUR;
    for end in [
        json!(seconds.round()),
        json!((seconds * 1000.0).round() / 1000.0),
        json!(format!("{seconds:.0}").parse::<u64>().expect("a number")),
    ] {
        let (code, why, _) = answered(&json!({ "authorizationData": [data(&good, HOST, &end)] }), ONE).await;
        assert_eq!((code, why.as_str()), (0, ""), "{end}");
    }
    let milliseconds = json!((seconds * 1000.0).round());
    refused(&json!({ "authorizationData": [data(&good, HOST, &milliseconds)] }), "ECR allows at most 13 h").await;
}
