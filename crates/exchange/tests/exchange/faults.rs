//! One table of faults for every request of every preset.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use regcred_core::{Error, ErrorKind};
use regcred_testkit::{FaultProxy, fault::Fault};
use tracing_subscriber::fmt::MakeWriter;

use crate::presets::{CANARY, CASES, Setup};

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Fault {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Fault::Answer { status, content_type: "application/json".into(), headers, body: body.into() }
}

/// The faults, each with the code of its error and a part of the cause.
fn faults() -> Vec<(Fault, &'static str, &'static str)> {
    let grant = "{\"error\":\"invalid_grant\",\"error_description\":\"canary\"}";
    let huge = format!("{{\"token\":\"{}\"}}", CANARY.repeat(20_000));
    vec![
        (answer(401, &[], CANARY), "RC0571", "HTTP 401"),
        (answer(403, &[], "{\"error\":{\"message\":\"canary\"}}"), "RC0571", "HTTP 403"),
        (answer(400, &[], grant), "RC0571", "HTTP 400, invalid_grant"),
        (answer(400, &[], "{\"error\":\"canary\"}"), "RC0574", "HTTP 400"),
        (answer(404, &[], "<html>canary</html>"), "RC0574", "HTTP 404"),
        (answer(429, &[("retry-after", "7")], CANARY), "RC0572", "HTTP 429"),
        (answer(500, &[], CANARY), "RC0573", "HTTP 500"),
        (answer(503, &[("retry-after", "7")], CANARY), "RC0573", "HTTP 503"),
        (answer(200, &[], CANARY), "RC0575", "not a JSON object"),
        (answer(200, &[], "[\"canary\"]"), "RC0575", "not a JSON object"),
        (answer(200, &[], "{\"canary\":\"canary\"}"), "RC0575", "it has no text in"),
        (Fault::Garbage, "RC0553", "not HTTP"),
        (answer(200, &[], &huge), "RC0553", "longer than 64 KiB"),
        (answer(302, &[("location", "https://canary.example/")], ""), "RC0553", "redirects"),
        (answer(307, &[("location", "https://canary.example/")], ""), "RC0553", "redirects"),
        (answer(200, &[("content-length", "900")], "{\"token\":\"canary\""), "RC0551", "cut during the answer"),
        (Fault::Reset, "RC0551", "cut before the answer"),
        (Fault::Refuse, "RC0551", "cut before the answer"),
    ]
}

fn assert_failure(error: &Error, code: &str, cause: &str, what: &str) {
    assert_eq!(error.code().id(), code, "{what}: {error:?}");
    assert!(error.chain().contains(cause), "{what}: {error:?}");
    for shown in [format!("{error:?}"), error.chain(), error.summary()] {
        assert!(!shown.contains(CANARY), "{what}: {shown}");
    }
}

#[tokio::test]
async fn each_fault_has_its_code_in_each_request_of_each_preset() {
    for case in &CASES {
        let setup = Setup::start().await;
        let proxy = FaultProxy::start(setup.fake.address()).await;
        let provider = (case.make)(&setup, &proxy.url());
        for (fault, code, cause) in faults() {
            for request in 0..case.calls.len() {
                let what = format!("{}, request {request}, {cause}", case.name);
                proxy.set(fault.clone());
                proxy.set_for(request, Fault::None);
                let before = setup.fake.calls().len();
                let error = provider.credential().await.expect_err(&what);
                assert_failure(&error, code, cause, &what);
                let has_pause =
                    matches!(&fault, Fault::Answer { headers, .. } if headers.iter().any(|it| it.0 == "retry-after"));
                assert_eq!(error.retry_after(), has_pause.then_some(Duration::from_secs(7)), "{what}");
                assert_eq!(setup.fake.calls().len() - before, request, "one call is one attempt: {what}");
                assert!(!format!("{provider:?}").contains(CANARY));
            }
        }
        proxy.set(Fault::None);
        provider.credential().await.expect("it works after every fault");
    }
}

#[tokio::test]
async fn a_silent_server_is_unreachable() {
    for case in &CASES {
        let setup = Setup::start().await.within(Duration::from_millis(50));
        let proxy = FaultProxy::start(setup.fake.address()).await;
        proxy.set(Fault::BlackHole);
        let error = (case.make)(&setup, &proxy.url()).credential().await.expect_err("no answer");
        assert_failure(&error, "RC0551", "no complete answer within 0.05 s", case.name);
        assert_eq!(error.kind(), ErrorKind::Unreachable);
    }
}

#[tokio::test]
async fn an_identity_that_is_not_accepted_is_denied() {
    for case in CASES.iter().filter(|case| !case.calls[0].starts_with("GET /computeMetadata")) {
        let setup = Setup::start().await;
        std::fs::write(setup.token_file(), "canary-other").expect("it can be written");
        let outcome = (case.make)(&setup, &setup.fake.url()).credential().await;
        if case.name == "azure, instance" {
            outcome.expect("it reads no file");
        } else {
            assert_failure(&outcome.expect_err(case.name), "RC0571", "HTTP 40", case.name);
        }
    }
}

#[tokio::test]
async fn a_clock_difference_is_named_if_it_makes_a_token_impossible() {
    for case in CASES.iter().filter(|case| case.has_jwt) {
        // Half a minute more, because the test takes a moment.
        for (ahead, cause) in [(-7230, "120 min ahead of"), (7230, "120 min behind")] {
            let setup = Setup::start().await;
            setup.fake.set_ahead(ahead);
            let error = (case.make)(&setup, &setup.fake.url()).credential().await.expect_err(case.name);
            assert_failure(&error, "RC0577", cause, case.name);
        }
    }
}

#[tokio::test]
async fn an_impossible_end_is_refused() {
    for case in &CASES {
        for life in [Duration::ZERO, Duration::from_hours(91 * 24)] {
            let setup = Setup::start().await;
            setup.fake.set_life(life);
            let error = (case.make)(&setup, &setup.fake.url()).credential().await.expect_err(case.name);
            assert_failure(&error, "RC0576", "it ", case.name);
        }
    }
}

/// The captured logs of a test.
#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logs {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_log_contains_a_secret_or_an_answer() {
    let logs = Logs::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(logs.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    tracing::info!("logs are captured");
    for case in &CASES {
        let setup = Setup::start().await;
        let proxy = FaultProxy::start(setup.fake.address()).await;
        let provider = (case.make)(&setup, &proxy.url());
        provider.credential().await.expect("it mints");
        for (fault, ..) in faults() {
            proxy.set(fault);
            provider.credential().await.expect_err("a fault");
        }
    }
    let logs = String::from_utf8(logs.0.lock().expect("no writer panics").clone()).expect("UTF-8");
    assert!(logs.contains("logs are captured"));
    assert!(!logs.contains(CANARY), "a secret was logged");
}
