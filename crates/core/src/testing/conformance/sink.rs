//! The conformance suite for sinks.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;

use super::after_polls;
use crate::{
    Clock, CredentialSet, ErrorKind, Login, Registry, RegistryCredential, Result, SecretSink, Target, Validity,
    Written,
    testing::{SinkExt, provider_name},
};

const CANARY: &str = "cAnArY-0123456789";
const HOUR: Duration = Duration::from_hours(1);
/// The number of dropped calls after which the suite treats the sink as stuck.
const AWAITS: usize = 1000;
/// The largest number of races that one dropped call can win.
const RACES: usize = 10;
/// The number of concurrent writes, as in a first pass.
const MANY: usize = 100;

/// A sink, and direct access to its store.
#[async_trait]
pub trait SinkUnderTest: Send + Sync {
    /// Returns the sink, with settings that allow every call.
    fn sink(&self) -> Arc<dyn SecretSink>;

    /// Returns the clock that the dates of credentials are compared with.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Returns an address that is empty and writable. Each call returns another one.
    async fn vacant(&self) -> Target;

    /// Returns the stored user name and password by registry, read directly from the store. `None`: nothing is stored.
    async fn stored(&self, target: &Target) -> Option<BTreeMap<Registry, (String, String)>>;

    /// Creates content of another owner at the target.
    async fn plant_foreign(&self, target: &Target);

    /// Returns all stored content of the target, in a form that shows any change.
    async fn fingerprint(&self, target: &Target) -> String;
}

/// Checks a sink.
///
/// # Panics
///
/// With the rule that the sink breaks.
pub async fn sink(under_test: &dyn SinkUnderTest) {
    keeps_and_reports(under_test).await;
    keeps_what_a_failed_provider_left(under_test).await;
    keeps_everything_while_all_fail(under_test).await;
    drops_what_is_no_longer_asked_for(under_test).await;
    never_writes_an_earlier_end(under_test).await;
    believes_no_end_that_cannot_be(under_test).await;
    overwrites_nothing_it_has_not_seen(under_test).await;
    leaves_what_is_foreign(under_test).await;
    removes_only_its_own(under_test).await;
    keeps_many_at_once(under_test).await;
    converges_after_a_dropped_call(under_test).await;
}

/// Creates sets of credentials.
struct Sets {
    now: SystemTime,
}

impl Sets {
    fn of(under_test: &dyn SinkUnderTest) -> Self {
        Self { now: under_test.clock().now() }
    }

    fn one(&self, provider: &str, serial: usize, left: Duration) -> CredentialSet {
        let mut set = CredentialSet::new();
        self.add(&mut set, provider, serial, left);
        set
    }

    fn add(&self, set: &mut CredentialSet, provider: &str, serial: usize, left: Duration) {
        let registry = Registry::new(format!("{provider}.registry.example")).expect("a valid registry");
        let login = Login::new(vec![registry], "AWS", format!("{CANARY}\n-{serial}").into()).expect("a valid login");
        let validity = Validity::new(self.now, Some(self.now + left)).expect("a valid life");
        let credential = RegistryCredential::new(vec![login], validity).expect("a valid credential");
        set.insert(provider_name(provider), Arc::new(credential)).expect("no registry twice");
    }
}

fn expected(set: &CredentialSet) -> BTreeMap<Registry, (String, String)> {
    let login = |login: &Login| (login.username().to_owned(), login.secret().expose().to_owned());
    set.logins().flat_map(|(_, it)| it.registries().iter().map(move |key| (key.clone(), login(it)))).collect()
}

fn ok<T>(result: Result<T>, rule: &str) -> T {
    result.unwrap_or_else(|error| panic!("{rule}: {error:?}"))
}

async fn keeps_and_reports(under_test: &dyn SinkUnderTest) {
    let (sink, sets, target) = (under_test.sink(), Sets::of(under_test), under_test.vacant().await);
    assert!(
        ok(sink.observe(&target).await, "observe works on a vacant target").existing().is_none(),
        "a vacant target does not exist"
    );
    let set = sets.one("one", 1, 12 * HOUR);
    let applied = ok(sink.write(&target, &set).await, "a first apply works");
    assert_eq!(applied.written, Written::Created, "the first apply creates");
    assert_eq!(under_test.stored(&target).await, Some(expected(&set)), "what is stored is what was given");

    let observed = ok(sink.observe(&target).await, "observe works").existing().expect("the target exists");
    assert_eq!(observed.refusal, None, "what we wrote is ours");
    let validity = set.get(&provider_name("one")).expect("it is in the set").validity();
    assert_eq!(observed.validity, [(provider_name("one"), validity)].into(), "the dates are reported as written");
    assert_eq!(observed.drift, Vec::<String>::new(), "nothing has drifted");
    assert!(!format!("{observed:?} {sink:?}").contains(CANARY), "Debug shows no password");

    let before = under_test.fingerprint(&target).await;
    let again = ok(sink.write(&target, &set).await, "the same again works");
    assert_eq!(again.written, Written::Unchanged, "the same set twice is unchanged");
    assert_eq!(under_test.fingerprint(&target).await, before, "and really is");

    let next = sets.one("one", 2, 13 * HOUR);
    let refreshed = ok(sink.write(&target, &next).await, "a refresh works");
    assert_eq!(refreshed.written, Written::Updated, "a new credential updates");
    assert_eq!(under_test.stored(&target).await, Some(expected(&next)), "the new credential is stored");
}

async fn keeps_what_a_failed_provider_left(under_test: &dyn SinkUnderTest) {
    let (sink, sets, target) = (under_test.sink(), Sets::of(under_test), under_test.vacant().await);
    let mut both = sets.one("one", 1, 12 * HOUR);
    sets.add(&mut both, "two", 2, 12 * HOUR);
    ok(sink.write(&target, &both).await, "two providers in one target work");
    let mut partial = sets.one("one", 3, 13 * HOUR);
    partial.insert_failed(provider_name("two"));
    ok(sink.write(&target, &partial).await, "a partial set works");
    let mut wanted = expected(&both);
    wanted.extend(expected(&partial));
    assert_eq!(
        under_test.stored(&target).await,
        Some(wanted),
        "a failed provider's entries stay, the rest is refreshed"
    );
    let observed = ok(sink.observe(&target).await, "observe works").existing().expect("the target exists");
    let dates = |set: &CredentialSet, name| set.get(&provider_name(name)).expect("it is in the set").validity();
    let kept = [(provider_name("one"), dates(&partial, "one")), (provider_name("two"), dates(&both, "two"))];
    assert_eq!(observed.validity, kept.into(), "the entries that stayed keep their dates");
}

async fn keeps_everything_while_all_fail(under_test: &dyn SinkUnderTest) {
    let (sink, sets, target) = (under_test.sink(), Sets::of(under_test), under_test.vacant().await);
    let set = sets.one("one", 1, 12 * HOUR);
    ok(sink.write(&target, &set).await, "a first apply works");
    let mut nothing = CredentialSet::new();
    nothing.insert_failed(provider_name("one"));
    let applied = ok(sink.write(&target, &nothing).await, "an apply with nothing to write works");
    assert_eq!(applied.written, Written::Unchanged, "where every provider failed nothing changes");
    assert_eq!(under_test.stored(&target).await, Some(expected(&set)), "and what was there stays");
}

async fn drops_what_is_no_longer_asked_for(under_test: &dyn SinkUnderTest) {
    let (sink, sets, target) = (under_test.sink(), Sets::of(under_test), under_test.vacant().await);
    let mut both = sets.one("one", 1, 12 * HOUR);
    sets.add(&mut both, "two", 2, 12 * HOUR);
    ok(sink.write(&target, &both).await, "two providers in one target work");
    let one = sets.one("one", 1, 12 * HOUR);
    ok(sink.write(&target, &one).await, "one provider less works");
    assert_eq!(under_test.stored(&target).await, Some(expected(&one)), "the entries of a removed provider are dropped");
}

async fn never_writes_an_earlier_end(under_test: &dyn SinkUnderTest) {
    let (sink, sets, target) = (under_test.sink(), Sets::of(under_test), under_test.vacant().await);
    let late = sets.one("one", 1, 12 * HOUR);
    ok(sink.write(&target, &late).await, "a first apply works");
    let earlier = sink.write(&target, &sets.one("one", 2, 6 * HOUR)).await;
    assert_eq!(
        ok(earlier, "an earlier expiry is not an error").written,
        Written::Unchanged,
        "an earlier end changes nothing"
    );
    assert_eq!(under_test.stored(&target).await, Some(expected(&late)), "the later end stays");
    let equal = sets.one("one", 3, 12 * HOUR);
    ok(sink.write(&target, &equal).await, "an equal end works");
    assert_eq!(under_test.stored(&target).await, Some(expected(&equal)), "an equal end may replace: it repairs");
}

async fn believes_no_end_that_cannot_be(under_test: &dyn SinkUnderTest) {
    let (sink, sets, target) = (under_test.sink(), Sets::of(under_test), under_test.vacant().await);
    ok(sink.write(&target, &sets.one("one", 1, 900 * HOUR)).await, "a first apply works");
    let mut real = sets.one("one", 2, 12 * HOUR);
    real.limit(provider_name("one"), sets.now + 13 * HOUR);
    let applied = ok(sink.write(&target, &real).await, "a real end works");
    assert_eq!(
        applied.written,
        Written::Updated,
        "an end that no credential of the provider can have counts for nothing"
    );
    assert_eq!(under_test.stored(&target).await, Some(expected(&real)), "the real credential is stored");
}

async fn overwrites_nothing_it_has_not_seen(under_test: &dyn SinkUnderTest) {
    let (sink, sets, target) = (under_test.sink(), Sets::of(under_test), under_test.vacant().await);
    let [first, second, third] = [1, 2, 3].map(|serial| sets.one("one", serial, 12 * HOUR));
    let conflict = |applied: Result<_>, rule: &str| {
        let error = applied.map(|_| ()).expect_err(rule);
        assert_eq!(error.kind(), ErrorKind::Conflict, "{rule}: {error:?}");
    };
    ok(sink.write(&target, &first).await, "a first apply works");
    let seen = ok(sink.observe(&target).await, "observe works");
    ok(sink.apply(&target, &seen, &second).await, "a refresh of what was seen works");
    conflict(sink.apply(&target, &seen, &third).await, "what was written meanwhile is not overwritten");
    assert_eq!(under_test.stored(&target).await, Some(expected(&second)), "a conflict changes nothing");
    let seen = ok(sink.observe(&target).await, "observe works");
    ok(sink.remove(&target).await, "removing ours works");
    conflict(sink.apply(&target, &seen, &third).await, "a target that was removed meanwhile is not created again");
    assert_eq!(under_test.stored(&target).await, None, "a conflict changes nothing");

    let target = under_test.vacant().await;
    let absent = ok(sink.observe(&target).await, "observe works");
    under_test.plant_foreign(&target).await;
    let before = under_test.fingerprint(&target).await;
    let error = sink.apply(&target, &absent, &first).await.expect_err("what another owner made meanwhile is foreign");
    assert!(matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Refused), "it is not overwritten: {error:?}");
    assert_eq!(under_test.fingerprint(&target).await, before, "foreign is untouched");
}

async fn leaves_what_is_foreign(under_test: &dyn SinkUnderTest) {
    let (sink, sets, target) = (under_test.sink(), Sets::of(under_test), under_test.vacant().await);
    under_test.plant_foreign(&target).await;
    let before = under_test.fingerprint(&target).await;
    let observed = ok(sink.observe(&target).await, "observe works").existing().expect("the target exists");
    assert!(observed.refusal.is_some(), "what is foreign is refused");
    let error = sink.write(&target, &sets.one("one", 1, HOUR)).await.expect_err("foreign is refused");
    assert_eq!(error.kind(), ErrorKind::Refused, "foreign is refused: {error:?}");
    assert!(!format!("{error:?}").contains(CANARY), "errors show no password");
    let error = sink.remove(&target).await.expect_err("foreign is not removed");
    assert_eq!(error.kind(), ErrorKind::Refused, "foreign is not removed: {error:?}");
    assert_eq!(under_test.fingerprint(&target).await, before, "foreign is untouched");
}

async fn removes_only_its_own(under_test: &dyn SinkUnderTest) {
    let (sink, sets, target) = (under_test.sink(), Sets::of(under_test), under_test.vacant().await);
    ok(sink.remove(&target).await, "removing nothing works");
    ok(sink.write(&target, &sets.one("one", 1, HOUR)).await, "apply works");
    ok(sink.remove(&target).await, "removing ours works");
    assert_eq!(under_test.stored(&target).await, None, "it is gone");
    assert!(ok(sink.observe(&target).await, "observe works").existing().is_none(), "and seen to be gone");
}

async fn keeps_many_at_once(under_test: &dyn SinkUnderTest) {
    let set = Arc::new(Sets::of(under_test).one("one", 1, 12 * HOUR));
    let mut work = Vec::with_capacity(MANY);
    for _ in 0..MANY {
        let (sink, target, set) = (under_test.sink(), under_test.vacant().await, set.clone());
        work.push(tokio::spawn(async move {
            let applied = ok(sink.write(&target, &set).await, "many at once work");
            assert_eq!(applied.written, Written::Created, "each is created");
            target
        }));
    }
    for task in work {
        let target = task.await.expect("no apply panics");
        assert_eq!(under_test.stored(&target).await, Some(expected(&set)), "each is stored");
    }
}

async fn converges_after_a_dropped_call(under_test: &dyn SinkUnderTest) {
    let (sink, sets) = (under_test.sink(), Sets::of(under_test));
    let (first, second) = (sets.one("one", 1, 12 * HOUR), sets.one("one", 2, 13 * HOUR));
    for polls in 0..AWAITS {
        let target = under_test.vacant().await;
        let created = after_polls(polls, sink.write(&target, &first)).await.is_some();
        ok(until_it_holds(&*sink, &target, &first).await, "a creation after a dropped one converges");
        assert_eq!(under_test.stored(&target).await, Some(expected(&first)), "dropped at await {polls}");
        let updated = after_polls(polls, sink.write(&target, &second)).await.is_some();
        ok(until_it_holds(&*sink, &target, &second).await, "an update after a dropped one converges");
        assert_eq!(under_test.stored(&target).await, Some(expected(&second)), "dropped at await {polls}");
        if created && updated {
            return;
        }
    }
    panic!("a call ends within {AWAITS} polls");
}

/// Writes a set and retries conflicts, as the engine does. A dropped call may still reach the store and win a race
/// against the next call.
async fn until_it_holds(sink: &dyn SecretSink, target: &Target, set: &CredentialSet) -> Result<()> {
    for _ in 0..RACES {
        match sink.write(target, set).await {
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            other => return other.map(drop),
        }
    }
    sink.write(target, set).await.map(drop)
}
