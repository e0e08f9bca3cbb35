//! Time, repetition and memory, with prepared outcomes.

use std::collections::{BTreeMap, VecDeque};

use regcred_core::{
    ErrorKind, Login, Registry, Validity,
    testing::{FakeProvider, TestClock},
};

use super::*;
use crate::proof::Proof;

/// Answers with prepared outcomes, and with silence after them. Records when it is asked.
#[derive(Debug)]
struct Script {
    begin: Instant,
    outcomes: Mutex<BTreeMap<String, VecDeque<Outcome>>>,
    asked: Mutex<Vec<(String, u64)>>,
}

impl Script {
    fn new() -> Arc<Self> {
        Arc::new(Self { begin: Instant::now(), outcomes: Mutex::default(), asked: Mutex::default() })
    }

    fn answers(&self, registry: &str, outcomes: &[Outcome]) {
        let mut all = self.outcomes.lock().expect("no panic");
        all.entry(registry.into()).or_default().extend(outcomes.iter().cloned());
    }

    /// Returns the registries that were asked, each with the second.
    fn asked(&self) -> Vec<(String, u64)> {
        self.asked.lock().expect("no panic").clone()
    }
}

#[async_trait]
impl Probe for Script {
    async fn probe(&self, trial: &Trial, _: &Proof) -> Outcome {
        let registry = trial.registry.to_string();
        self.asked.lock().expect("no panic").push((registry.clone(), self.begin.elapsed().as_secs()));
        let next = self.outcomes.lock().expect("no panic").get_mut(&registry).and_then(VecDeque::pop_front);
        match next {
            Some(outcome) => outcome,
            None => std::future::pending().await,
        }
    }
}

/// Mints a login for several registries.
#[derive(Debug)]
struct Many(Vec<Registry>);

#[async_trait]
impl RegistryProvider for Many {
    async fn credential(&self) -> Result<RegistryCredential> {
        let login = Login::new(self.0.clone(), "u", "canary".into())?;
        RegistryCredential::new(vec![login], Validity::new(std::time::SystemTime::UNIX_EPOCH, None)?)
    }
}

const R: &str = "r.example";

fn verified(script: &Arc<Script>, clock: &Arc<TestClock>) -> (Arc<FakeProvider>, VerifiedBuilder, Arc<Script>) {
    let fake = Arc::new(FakeProvider::new(clock.clone(), R));
    (fake.clone(), Verified::builder(fake, clock.clone()), script.clone())
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_repeated_once_after_two_seconds() {
    let (script, clock) = (Script::new(), Arc::new(TestClock::new()));
    let (fake, builder, probe) = verified(&script, &clock);
    let verified = builder.with_probe(probe);
    script.answers(R, &[Outcome::Refused, Outcome::Proven]);
    verified.credential().await.expect("the second trial succeeds");
    assert_eq!(script.asked(), [(R.into(), 0), (R.into(), 2)]);
    script.answers(R, &[Outcome::Refused, Outcome::Refused]);
    let error = verified.credential().await.expect_err("it is refused twice");
    assert_eq!((error.kind(), error.code().id()), (ErrorKind::Denied, "RC0591"));
    assert_eq!(error.chain(), "cannot verify the credential of r.example: the registry refuses the login (HTTP 401)");
    assert_eq!((fake.calls(), script.asked().len()), (2, 4), "each call mints once");
}

#[tokio::test(start_paused = true)]
async fn only_strict_verification_refuses_for_http_403() {
    let (script, clock) = (Script::new(), Arc::new(TestClock::new()));
    let (_, builder, probe) = verified(&script, &clock);
    script.answers(R, &[Outcome::Forbidden]);
    builder.clone().with_probe(probe.clone()).credential().await.expect("it is only logged");
    let strict = builder.strict().with_probe(probe);
    script.answers(R, &[Outcome::Forbidden, Outcome::Forbidden]);
    assert_eq!(strict.credential().await.expect_err("strict").code().id(), "RC0592");
    script.answers(R, &[Outcome::Forbidden, Outcome::Unknown("HTTP 503".into())]);
    strict.credential().await.expect("the second answer decides");
}

#[tokio::test(start_paused = true)]
async fn silence_never_blocks_and_ends_before_the_deadline_of_the_engine() {
    let script = Script::new();
    for (latency, expected) in [(0, 20), (5, 25), (15, 28), (29, 29)] {
        let clock = Arc::new(TestClock::new());
        let fake = FakeProvider::new(clock.clone(), R).with_latency(Duration::from_secs(latency));
        let verified = Verified::builder(Arc::new(fake), clock).with_probe(script.clone());
        let begin = Instant::now();
        verified.credential().await.expect("silence proves nothing");
        assert_eq!(begin.elapsed().as_secs(), expected, "{latency}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_registries_are_tried_at_the_same_time_and_one_refusal_decides() {
    let script = Script::new();
    let registries = (0..40).map(|it| format!("r{it:02}.example")).collect::<Vec<_>>();
    let all = registries.iter().map(|it| Registry::new(it).expect("valid")).collect();
    let verified = Verified::builder(Arc::new(Many(all)), Arc::new(TestClock::new())).with_probe(script.clone());
    for registry in &registries {
        script.answers(registry, &[Outcome::Proven]);
    }
    verified.credential().await.expect("all are proven");
    assert_eq!(script.asked().len(), 40);

    // The refusal counts, although another registry is silent.
    script.answers("r03.example", &[Outcome::Refused, Outcome::Refused]);
    let begin = Instant::now();
    let error = verified.credential().await.expect_err("one refuses");
    assert!(error.to_string().contains("r03.example"), "{error}");
    assert_eq!(begin.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_credential_replaces_one_at_the_end_of_its_life() {
    let (script, clock) = (Script::new(), Arc::new(TestClock::new()));
    let (_, builder, probe) = verified(&script, &clock);
    let verified = builder.with_probe(probe);
    let refused = [Outcome::Refused, Outcome::Refused];
    script.answers(R, &refused);
    verified.credential().await.expect_err("no previous one is known");
    script.answers(R, &[Outcome::Proven]);
    verified.credential().await.expect("it is proven");
    clock.step(Duration::from_hours(10));
    script.answers(R, &refused);
    verified.credential().await.expect_err("the previous one works for two more hours");
    clock.step(Duration::from_mins(50));
    script.answers(R, &refused);
    verified.credential().await.expect("the previous one expires");
    script.answers(R, &refused);
    verified.credential().await.expect_err("the one that was accepted is new");
}

#[tokio::test(start_paused = true)]
async fn all_other_methods_are_those_of_the_inner_provider() {
    let (script, clock) = (Script::new(), Arc::new(TestClock::new()));
    let life = Duration::from_hours(13);
    let fake = Arc::new(FakeProvider::new(clock.clone(), R).with_longest_life(life));
    let verified = Verified::builder(fake.clone(), clock).with_probe(script);
    fake.set_issuer(Some("123456789012"));
    assert_eq!(verified.issuer().await, Some(Issuer::of("123456789012")));
    assert_eq!((verified.longest_life(), verified.scope()), (Some(life), Scope::Unknown));
    assert!(verified.caller().await.is_none());
    fake.change();
    verified.changed().await;
    fake.fail_with(Error::new(ErrorKind::Throttled, "as the test wants"));
    assert_eq!(verified.credential().await.expect_err("its own error").kind(), ErrorKind::Throttled);
}
