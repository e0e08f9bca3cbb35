//! The reconciliation of one target.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use regcred_core::{Applied, Code, CredentialSet, Error, Observed, ProviderName, Result, Target, Validity, Written};
use tokio::{
    task::{JoinError, JoinSet},
    time::timeout,
};
use tracing::{Instrument, info};

use crate::{
    Context, Route, codes,
    contest::{Contest, Contests, Disturbance},
    decide::{Step, decide},
    minter::{Handed, Minter, unminted},
    report::{Failure, Held, Outcome},
};

/// The limit for a call to a sink without a deadline of its own. It is longer than the deadline of any sink should be.
const DEADLINE: Duration = Duration::from_mins(1);
/// The largest difference between the clocks of two machines.
const SKEW: Duration = Duration::from_mins(5);

/// The input of a reconciliation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Before {
    /// Whether a fresh target is written too.
    pub(crate) force: Force,
    /// Whether to preview only. Nothing is minted or written.
    pub(crate) dry: bool,
    /// Whether a credential that another account minted counts as not fresh.
    pub(crate) compare_issuers: bool,
    /// The content when the target was last observed or written without a failure. `None`: it never was.
    pub(crate) held: Option<Arc<Held>>,
}

/// Whether a fresh target is written too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Force {
    #[default]
    No,
    Yes,
    /// The target was already written, but without the credential of a failed provider. It is written again once its
    /// content would change.
    Again,
}

/// Reconciles targets.
#[derive(Debug)]
pub(crate) struct Reconciler {
    pub(crate) minters: BTreeMap<ProviderName, Arc<Minter>>,
    pub(crate) contests: Contests,
    pub(crate) context: Context,
}

impl Reconciler {
    /// Observes, decides, mints and writes. `None`: the run stopped before a write.
    pub(crate) async fn reconcile(
        self: Arc<Self>,
        route: &Route,
        target: &Target,
        before: Before,
        stopping: &AtomicBool,
    ) -> Option<Outcome> {
        let mut seen = match limited(route.sink.observe(target)).await {
            Ok(seen) => seen,
            Err(error) => return Some(Outcome::failed(error)),
        };
        let now = self.context.clock.now();
        seen.validity.retain(|name, validity| self.may_have_given(name, validity, now));
        let force = before.force != Force::No;
        let fresh = |it: &Validity| it.is_fresh(now, &*self.context.schedule);
        let step = decide(&seen, &route.providers, force, fresh);
        let is_fresh = matches!(step, Step::Leave | Step::Repair(_) | Step::Link(_));
        let is_changed = is_fresh && before.compare_issuers && self.is_of_another(route, &seen).await;
        let step = if is_changed { Step::Refresh } else { step };
        if before.dry {
            return Some(self.preview(step, seen));
        }
        let held_fresh = |held: &Held| route.providers.iter().all(|name| held.get(name).is_some_and(fresh));
        let expected_fresh = !force && before.held.as_deref().is_some_and(held_fresh);
        let expected_fresh = expected_fresh && !is_changed;
        let found = disturbance(&seen, &step, expected_fresh);
        let mut outcome = Outcome {
            validity: std::mem::take(&mut seen.validity).into(),
            waiting_for: seen.waiting_for.take(),
            is_remembered: seen.is_remembered,
            ..Outcome::of(step.clone())
        };
        let mut contest =
            if found.is_empty() { self.contests.of(target) } else { self.contests.disturb(target, &found) };
        match &step {
            Step::Leave => outcome.failures.extend(seen.failure.clone().map(|error| Failure { provider: None, error })),
            Step::Refuse(refusal) => info!(reason = %refusal, "refused target"),
            _ if !found.is_empty() && contest.as_ref().is_some_and(|contest| !contest.rest.is_zero()) => {
                outcome.held = before.held; // the current content is the other writer's
            }
            Step::Create | Step::Refresh | Step::Repair(_) | Step::Adopt(_) => {
                let set = self.mint(route, &mut outcome, stopping).await?;
                let complete = set.failed().is_empty();
                let is_untouched = found.is_empty() && seen.drift.is_empty() && seen.undone.is_empty();
                let has_all = matches!(step, Step::Refresh) && is_untouched && holds(&outcome.validity, &set);
                let is_left = has_all && before.force != Force::Yes;
                if is_left {
                    outcome.failures.extend(seen.failure.clone().map(|error| Failure { provider: None, error }));
                }
                let wrote = !set.is_empty()
                    && !is_left
                    && (complete || !matches!(step, Step::Adopt(_)))
                    && write(route, target, &seen, &set, &mut outcome).await;
                if wrote && !found.is_empty() {
                    contest = self.contests.restore(target, &found);
                }
            }
            // A sink leaves the entries of failed providers unchanged.
            Step::Link(_) => {
                if stopping.load(Relaxed) {
                    return None;
                }
                let mut set = CredentialSet::new();
                route.providers.iter().for_each(|name| set.insert_failed(name.clone()));
                if write(route, target, &seen, &set, &mut outcome).await {
                    contest = self.contests.restore(target, &found);
                }
            }
        }
        if let Some(Contest { found, rest, peace }) = contest {
            let disturbed = outcome.written.is_none() && !rest.is_zero();
            outcome.look_again = Some(if disturbed { rest } else { peace });
            outcome.contested = Some(found);
        }
        outcome.renew_at = self.renew_at(&outcome.validity);
        Some(outcome)
    }

    /// Returns the outcome of an observation without any action.
    fn preview(&self, step: Step, seen: Observed) -> Outcome {
        let Observed { validity, waiting_for, failure, details, .. } = seen;
        let failures = failure.map(|error| Failure { provider: None, error }).into_iter().collect();
        let renew_at = self.renew_at(&validity);
        let details = Some(Box::new(details));
        Outcome { waiting_for, validity: validity.into(), failures, renew_at, details, ..Outcome::of(step) }
    }

    /// Returns whether the account of a stored credential differs from the account that would mint now. Unknown
    /// accounts are not compared.
    async fn is_of_another(&self, route: &Route, seen: &Observed) -> bool {
        for name in &route.providers {
            let (held, minter) = (seen.validity.get(name).and_then(Validity::issuer), self.minters.get(name));
            if let (Some(held), Some(minter)) = (held, minter)
                && minter.issuer().await.is_some_and(|issuer| issuer != held)
            {
                info!(provider = %name, "found credential of another account");
                return true;
            }
        }
        false
    }

    fn renew_at(&self, held: &Held) -> Option<SystemTime> {
        held.values().filter_map(|it| it.renew_at(&*self.context.schedule)).min()
    }

    /// Returns whether a provider can have issued a credential with this end. An end beyond its longest life is not
    /// genuine.
    fn may_have_given(&self, provider: &ProviderName, validity: &Validity, now: SystemTime) -> bool {
        let latest = self.minters.get(provider).and_then(|minter| latest_end(minter, now));
        latest.is_none_or(|latest| validity.expires_at().is_some_and(|end| end <= latest))
    }

    /// Requests credentials from all providers of a route concurrently, so that a slow one does not delay the others.
    ///
    /// A failed provider adds a failure to the outcome. The entries of the others are still written. `None`: the run is
    /// stopping.
    async fn mint(&self, route: &Route, outcome: &mut Outcome, stopping: &AtomicBool) -> Option<CredentialSet> {
        if stopping.load(Relaxed) {
            return None;
        }
        let mut work = JoinSet::new();
        let mut asked = HashMap::new();
        for name in &route.providers {
            let (minter, context) = (self.minters[name].clone(), self.context.clone());
            let task = work.spawn(async move { minter.get(&context).await }.in_current_span());
            asked.insert(task.id(), name);
        }
        let mut minted = BTreeMap::new();
        while let Some(joined) = work.join_next_with_id().await {
            let panicked = |panic: JoinError| (panic.id(), Err(unminted(&codes::PANIC, "the provider panicked")));
            let (id, result) = joined.unwrap_or_else(panicked);
            minted.insert(asked[&id], result);
        }
        if stopping.load(Relaxed) {
            return None;
        }
        let mut set = CredentialSet::new();
        for provider in &route.providers {
            let Some(result) = minted.remove(provider) else { continue }; // the route names it twice
            let error = match result {
                Ok(Handed { credential, stale }) => set.insert(provider.clone(), credential).err().or(stale),
                Err(error) => Some(error),
            };
            if let Some(latest_end) = latest_end(&self.minters[provider], self.context.clock.now()) {
                set.limit(provider.clone(), latest_end);
            }
            if let Some(error) = error {
                if set.get(provider).is_none() {
                    set.insert_failed(provider.clone());
                }
                outcome.failures.push(Failure { provider: Some(provider.clone()), error });
            }
        }
        Some(set)
    }
}

/// Returns the latest time at which any credential that exists now can end. `None`: it is not known. The clock of
/// another machine may be slightly ahead.
fn latest_end(minter: &Minter, now: SystemTime) -> Option<SystemTime> {
    now.checked_add(minter.longest_life()?.checked_add(SKEW)?)
}

/// Returns what another writer did to a target that is about to be written.
///
/// A target that was not fresh when it was last seen is due anyway. In that case, only an edit counts.
fn disturbance(seen: &Observed, step: &Step, expected_fresh: bool) -> Disturbance {
    let (mut itself, mut beside) = (vec![], vec![]);
    match step {
        Step::Create if expected_fresh => itself.push("it was removed".into()),
        Step::Adopt(from) if expected_fresh => itself.push(format!("it was created again by another owner: {from}")),
        Step::Refresh if expected_fresh && seen.drift.is_empty() => {
            itself.push("its recorded credential dates were changed".into());
        }
        Step::Refresh if expected_fresh => itself.clone_from(&seen.drift),
        Step::Repair(_) | Step::Link(_) => (itself, beside) = (seen.drift.clone(), seen.undone.clone()),
        _ => {}
    }
    Disturbance { itself, beside }
}

/// Returns whether a target already holds exactly the available credentials.
///
/// While a provider is down, a due target stays due without a newer credential. Writing it again in each reconciliation
/// would load the store for the whole outage.
fn holds(held: &Held, set: &CredentialSet) -> bool {
    let asked = |name: &ProviderName| set.get(name).is_some() || set.failed().contains(name);
    let is_there = |name: &ProviderName, given: Validity| {
        held.get(name).is_some_and(|held| *held == given || set.is_outlived_by(name, held))
    };
    held.keys().all(asked) && set.iter().all(|(name, credential)| is_there(name, credential.validity()))
}

/// Writes a set. Returns whether the write changed anything.
async fn write(route: &Route, target: &Target, seen: &Observed, set: &CredentialSet, outcome: &mut Outcome) -> bool {
    match limited(route.sink.apply(target, seen, set)).await {
        Ok(applied) => {
            log(outcome.step.as_ref(), &applied);
            let validity = Arc::make_mut(&mut outcome.validity);
            validity.retain(|name, _| set.failed().contains(name));
            validity.extend(set.iter().map(|(name, credential)| (name.clone(), credential.validity())));
            outcome.failures.extend(applied.failure.map(|error| Failure { provider: None, error }));
            (outcome.written, outcome.waiting_for) = (Some(applied.written), applied.waiting_for);
            outcome.also_written = applied.also_written;
            applied.written != Written::Unchanged || applied.also_written
        }
        Err(error) => {
            outcome.failures.push(Failure { provider: None, error });
            false
        }
    }
}

fn log(step: Option<&Step>, applied: &Applied) {
    let waiting_for = applied.waiting_for.as_deref();
    match (step, applied.written) {
        (_, Written::Created) => info!(waiting_for, "created target"),
        (Some(Step::Repair(reasons)), Written::Updated) => {
            info!(reasons = reasons.join("; "), waiting_for, "repaired target");
        }
        (Some(Step::Link(reasons)), _) => info!(reasons = reasons.join("; "), waiting_for, "linked target"),
        (Some(Step::Adopt(owner)), _) => info!(owner, waiting_for, "adopted target"),
        (_, Written::Updated) => tracing::debug!(waiting_for, "refreshed target"),
        (_, Written::Unchanged) => tracing::debug!(waiting_for, "left target unchanged"),
    }
}

/// Returns the error for a target whose reconciliation did not end.
pub(crate) fn unreconciled(code: &'static Code, cause: &str) -> Error {
    Error::new(code, "cannot reconcile the target").with_cause(cause)
}

async fn limited<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| Err(unreconciled(&codes::SINK_TIMEOUT, "the sink did not answer within 60 s"));
    timeout(DEADLINE, call).await.unwrap_or_else(late)
}
