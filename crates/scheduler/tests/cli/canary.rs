//! regcred prints no token and writes none outside the Secret, for every failure and at every log level.

use std::{
    fs,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_testkit::{FaultProxy, aws::Answer, fault::Fault};
use serde_json::Value;
use tokio::sync::Notify;

use crate::{online::online, world::World};

const CONFIG: &str = "targets:\n- { namespace: team-a, region: eu-west-1 }\n- { namespace: team-b, region: us-east-1 }\n\
                      - { namespace: absent, region: us-east-1 }\n- { namespace: foreign, region: eu-west-1 }\n";
/// Secrets that the process gets: the secret key, the session token, and the token for the cluster.
const GIVEN: [&str; 3] = ["not-a-real-key", "session-of-nobody", "bearer-of-the-fake"];
/// A short time limit, because the command fails anyway.
const FAILING: &[&str] = &["--force", "--timeout", "1s"];

/// Returns the forms of a secret: plain, in base64 at each offset, URL-encoded, and a piece of it.
pub(crate) fn forms(secret: &str) -> Vec<String> {
    let with_user = format!("AWS:{secret}");
    let url = |text: &str| text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let encoded = |text: &str| {
        let whole = STANDARD.encode(text);
        // The base64 form of a secret inside a longer text. The first and last letters depend on the text around it.
        let inner = (0..3).map(|skip| STANDARD.encode(&text.as_bytes()[skip..]));
        inner.map(|it| it[4..it.len() - 4].to_owned()).chain([whole.clone(), url(&whole)]).collect::<Vec<_>>()
    };
    let piece = secret.get(100..180.min(secret.len())).map(str::to_owned);
    [secret.to_owned(), url(secret)]
        .into_iter()
        .chain(piece)
        .chain(encoded(secret))
        .chain(encoded(&with_user))
        .collect()
}

fn assert_silent(world: &World, command: &mut Command, code: i32, what: &str) {
    let output = command.env("RUST_LOG", "trace").env("AWS_SESSION_TOKEN", GIVEN[1]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(code), "{what}: {}", String::from_utf8_lossy(&output.stdout));
    let printed = [output.stdout, output.stderr].map(|it| String::from_utf8(it).expect("text")).join("\n");
    assert!(!printed.is_empty(), "{what}");
    for library in ["aws_", "hyper", "kube_client", "rustls", "tower"] {
        assert!(!printed.contains(library), "{what}: a library was logged: {}", around(&printed, library));
    }
    let issued = world.aws.issued();
    let secrets = issued.iter().flat_map(|issued| forms(&issued.password)).chain(GIVEN.map(str::to_owned));
    for form in secrets {
        assert!(!printed.contains(&form), "{what}: a secret was printed: {}", around(&printed, &form));
    }
    for entry in fs::read_dir(world.dir.path()).expect("a folder") {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("text");
        assert!(issued.iter().all(|issued| forms(&issued.password).iter().all(|form| !text.contains(form))), "{what}");
    }
}

/// Returns the line that contains the secret, with the secret masked.
pub(crate) fn around(printed: &str, form: &str) -> String {
    let line = printed.lines().find(|line| line.contains(form)).unwrap_or_default();
    line.replace(form, "<SECRET>").chars().take(400).collect()
}

/// Case 30: a token is searched for in all output and in everything written besides the Secret. This covers
/// `RUST_LOG=trace`, errors that quote the token, metadata, arguments and the environment.
///
/// The token is not found: not in plain text, in base64 at any offset, URL-encoded or in pieces. Neither is an AWS key,
/// the cluster's token, or the old token that `kubectl apply` left in a foreign Secret.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_printed_or_written_outside_its_secret() {
    let world = World::new(&["team-a", "team-b", "foreign"]).await;
    let data = STANDARD.encode("{\"auths\":{}}");
    let foreign =
        serde_json::json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": data } });
    world.kube.put("secrets", "foreign", "ecr-secret", foreign, "helm");

    assert_silent(&world, &mut world.once(CONFIG, &[]), 1, "a first pass");
    assert_eq!(world.aws.issued().len(), 2, "tokens were minted");
    assert_silent(&world, &mut world.once(CONFIG, &["--output", "json"]), 1, "a fresh pass");
    let forced = &["--force", "--log-format", "json"];
    assert_silent(&world, &mut world.once(CONFIG, forced), 1, "a forced pass");
    let heard = world.once(CONFIG, forced).env("RUST_LOG", "trace").output().expect("it starts").stderr;
    assert!(String::from_utf8_lossy(&heard).contains("minted credential"), "regcred itself is heard");
    world.kube.fail_next(3, 500, "InternalError", "etcdserver: request timed out", None);
    assert_silent(&world, &mut world.once(CONFIG, FAILING), 1, "a server that fails");
    world.kube.deny("patch", "secrets", None);
    assert_silent(&world, &mut world.once(CONFIG, FAILING), 1, "writes that are denied");

    let token = world.aws.issued()[0].password.clone();
    let token = STANDARD.encode(format!("AWS:{token}"));
    let host = "https://evil.example";
    let strange = format!(r#"{{"authorizationData":[{{"authorizationToken":"{token}","proxyEndpoint":"{host}"}}]}}"#);
    for body in [strange, token.clone(), format!("{{\"authorizationData\":\"{token}\"}}")] {
        world.aws.answer_with(Answer::Raw { status: 200, content_type: "application/x-amz-json-1.1".into(), body });
        assert_silent(&world, &mut world.once(CONFIG, FAILING), 1, "an answer that makes no sense");
    }
    world.aws.answer_with(Answer::Error { status: 400, code: "Odd".into(), message: token, retry_after: None });
    assert_silent(&world, &mut world.once(CONFIG, FAILING), 1, "an error that quotes the token");

    for secret in world.kube.objects("secrets") {
        let metadata = secret["metadata"].to_string();
        let tokens = world.aws.issued();
        assert!(tokens.iter().all(|it| forms(&it.password).iter().all(|form| !metadata.contains(form))), "{metadata}");
        assert_eq!(secret["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn online_checks_print_no_token_and_no_key() {
    let world = World::new(&["team-a", "team-b", "foreign"]).await;
    assert_silent(&world, &mut online(&world, CONFIG, &[]), 0, "one namespace is missing");
    assert_eq!(world.aws.issued().len(), 2, "tokens were minted, and thrown away");
    assert_silent(&world, &mut online(&world, CONFIG, &["--output", "json", "--log-format", "json"]), 0, "as JSON");
    let token = STANDARD.encode(format!("AWS:{}", world.aws.issued()[0].password));
    let quoting = format!(r#"{{"gitVersion":"{token}","status":"{token}"}}"#);
    world.kube.answer_next(9, 200, "application/json", &[], &quoting);
    assert_silent(&world, &mut online(&world, CONFIG, &[]), 3, "a server that quotes a token");
    world.kube.fail_next(100, 403, "Forbidden", &token, None);
    assert_silent(&world, &mut online(&world, CONFIG, &[]), 2, "a refusal that does");
    world.aws.answer_with(Answer::Error { status: 400, code: "Odd".into(), message: token, retry_after: None });
    assert_silent(&world, &mut online(&world, CONFIG, &[]), 2, "AWS, with an error that does");
}

/// A token of another owner, which is in the data and in the copy that `kubectl apply` keeps.
const OLD: &str = "cAnArY-of-the-recipe-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-\
                   0123456789-0123456789-0123456789-0123456789-0123456789";

fn recipe() -> Value {
    let auths = format!(
        "{{\"auths\":{{\"123456789012.dkr.ecr.eu-west-1.amazonaws.com\":{{\"auth\":\"{}\"}}}}}}",
        STANDARD.encode(format!("AWS:{OLD}"))
    );
    let data = serde_json::json!({ ".dockerconfigjson": STANDARD.encode(auths) });
    let copy = serde_json::json!({ "apiVersion": "v1", "kind": "Secret", "data": data, "type": "kubernetes.io/dockerconfigjson" });
    serde_json::json!({
        "type": "kubernetes.io/dockerconfigjson", "data": data,
        "metadata": { "annotations": { "kubectl.kubernetes.io/last-applied-configuration": copy.to_string() } },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adoption_does_not_print_the_old_token() {
    let world = World::new(&["team-a", "team-b"]).await;
    for namespace in ["team-a", "team-b"] {
        world.kube.put("secrets", namespace, "ecr-secret", recipe(), "kubectl-client-side-apply");
    }
    let two = "targets:\n- { namespace: team-a, region: eu-west-1 }\n- { namespace: team-b, region: us-east-1 }\n";
    for (args, code) in [(&[][..], 1), (&["--adopt"], 1), (&["--adopt", "--output", "json"], 1)] {
        let output = world.once(two, args).env("RUST_LOG", "trace").output().expect("it starts");
        assert_eq!(
            output.status.code(),
            Some(code),
            "team-b's hosts are others: {}",
            String::from_utf8_lossy(&output.stdout)
        );
        let printed = [output.stdout, output.stderr].map(|it| String::from_utf8(it).expect("text")).join("\n");
        let twice = STANDARD.encode(STANDARD.encode(format!("AWS:{OLD}")));
        for form in forms(OLD).into_iter().chain([twice[8..200].to_owned()]) {
            assert!(!printed.contains(&form), "the old token was printed: {}", around(&printed, &form));
        }
    }
    let adopted = world.secret("team-a").expect("it is there").to_string();
    assert!(forms(OLD).iter().all(|form| !adopted.contains(form)), "the old token is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_and_environment_of_the_process_hold_no_token() {
    let world = World::new(&["team-a"]).await;
    let kube = Arc::new(FaultProxy::start(world.kube.address()).await);
    world.move_kube(&kube.url(), None);
    // The process waits for the API server from the moment that it has a token.
    let minted = Arc::new(Notify::new());
    let (tell, stop) = (minted.clone(), kube.clone());
    world.aws.on_issue(move |_| {
        stop.set(Fault::BlackHole);
        tell.notify_one();
    });
    let one = "targets: [{ namespace: team-a, region: eu-west-1 }]";
    let mut process = world.once(one, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    tokio::time::timeout(Duration::from_secs(20), minted.notified()).await.expect("it mints");
    let of_process = |file: &str| fs::read(format!("/proc/{}/{file}", process.id())).expect("it runs");
    let shown = [of_process("cmdline"), of_process("environ")].concat();
    let shown = String::from_utf8_lossy(&shown).into_owned();
    process.kill().expect("it waits");
    process.wait().expect("it ends");
    assert!(shown.contains("--config") && shown.contains("AWS_ENDPOINT_URL"), "{shown}");
    let token = &world.aws.issued()[0].password;
    assert!(forms(token).iter().all(|form| !shown.contains(form)));
}
