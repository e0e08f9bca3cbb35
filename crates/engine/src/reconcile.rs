//! One look at one target, and whatever it leads to.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use regcred_core::{
    Applied, CredentialSet, Error, ErrorKind, Observed, ProviderName, Result, Target, Validity, Written,
};
use tokio::{
    task::{JoinError, JoinSet},
    time::timeout,
};
use tracing::{Instrument, info};

use crate::{
    Context, Route,
    contest::{Contest, Contests, Disturbance},
    decide::{Step, decide},
    minter::{Handed, Minter},
    report::{Failure, Held, Outcome},
};

/// Longer than any sink's own deadline should be: it ends a sink that has none.
const DEADLINE: Duration = Duration::from_mins(1);
/// Two machines' clocks may differ by so much.
const SKEW: Duration = Duration::from_mins(5);

/// What is known before a look.
#[derive(Clone, Debug, Default)]
pub(crate) struct Before {
    /// Whether a fresh target is written too.
    pub(crate) force: Force,
    /// Nothing is to be done.
    pub(crate) dry: bool,
    /// A credential that another account minted is not fresh.
    pub(crate) compare_issuers: bool,
    /// What it held when it was last seen or written whole; `None`: it was not.
    pub(crate) held: Option<Arc<Held>>,
}

/// Whether a fresh target is written too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Force {
    #[default]
    No,
    Yes,
    /// It was written already. Only the credentials that failed then are asked for again.
    Again,
}

/// Looks at targets one by one, and does what they need.
#[derive(Debug)]
pub(crate) struct Reconciler {
    pub(crate) minters: BTreeMap<ProviderName, Arc<Minter>>,
    pub(crate) contests: Contests,
    pub(crate) context: Context,
}

impl Reconciler {
    /// Observes, decides, mints, writes. `None`: told to stop before anything was written.
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
            Step::Refuse(refusal) => info!(%refusal, "refused"),
            _ if !found.is_empty() && contest.as_ref().is_some_and(|contest| !contest.rest.is_zero()) => {
                outcome.held = before.held; // what it holds now is the other writer's
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
            // To a sink, what no provider gives anything for stays as it stands.
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

    /// What a look comes to that nothing may follow from.
    fn preview(&self, step: Step, seen: Observed) -> Outcome {
        let Observed { validity, waiting_for, failure, details, .. } = seen;
        let failures = failure.map(|error| Failure { provider: None, error }).into_iter().collect();
        let renew_at = self.renew_at(&validity);
        let details = Some(Box::new(details));
        Outcome { waiting_for, validity: validity.into(), failures, renew_at, details, ..Outcome::of(step) }
    }

    /// Whether another account minted what a target holds than would mint it now. Where one of both is not known, nothing is compared.
    async fn is_of_another(&self, route: &Route, seen: &Observed) -> bool {
        for name in &route.providers {
            let (held, minter) = (seen.validity.get(name).and_then(Validity::issuer), self.minters.get(name));
            if let (Some(held), Some(minter)) = (held, minter)
                && minter.issuer().await.is_some_and(|issuer| issuer != held)
            {
                info!(provider = %name, "another account minted it");
                return true;
            }
        }
        false
    }

    fn renew_at(&self, held: &Held) -> Option<SystemTime> {
        held.values().filter_map(|it| it.renew_at(&*self.context.schedule)).min()
    }

    /// Whether a provider can have given a credential with this end. An end beyond its longest life is somebody's invention.
    fn may_have_given(&self, provider: &ProviderName, validity: &Validity, now: SystemTime) -> bool {
        let latest = self.minters.get(provider).and_then(|minter| latest_end(minter, now));
        latest.is_none_or(|latest| validity.expires_at().is_some_and(|end| end <= latest))
    }

    /// Asks all providers of a route at once, so that one that is slow delays no other. One that fails costs the target its
    /// good word, but not the others' entries.
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
            let panicked = |panic: JoinError| (panic.id(), Err(Error::new(ErrorKind::Bug, "the provider panicked")));
            let (id, result) = joined.unwrap_or_else(panicked);
            minted.insert(asked[&id], result);
        }
        if stopping.load(Relaxed) {
            return None;
        }
        let mut set = CredentialSet::new();
        for provider in &route.providers {
            let Some(result) = minted.remove(provider) else { continue }; // named twice
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

/// The latest moment at which a credential can end that exists now; `None`: nobody knows. Another machine's clock may be
/// ahead by a little.
fn latest_end(minter: &Minter, now: SystemTime) -> Option<SystemTime> {
    now.checked_add(minter.longest_life()?.checked_add(SKEW)?)
}

/// What somebody else did to a target that is to be written. What is due anyway is nobody's doing: where it was not fresh when
/// it was last seen, only an edit counts.
fn disturbance(seen: &Observed, step: &Step, expected_fresh: bool) -> Disturbance {
    let (mut itself, mut beside) = (vec![], vec![]);
    match step {
        Step::Create if expected_fresh => itself.push("it was removed".into()),
        Step::Adopt(from) if expected_fresh => itself.push(format!("it was made anew: {from}")),
        Step::Refresh if expected_fresh && seen.drift.is_empty() => {
            itself.push("what it says of itself was changed".into());
        }
        Step::Refresh if expected_fresh => itself.clone_from(&seen.drift),
        Step::Repair(_) | Step::Link(_) => (itself, beside) = (seen.drift.clone(), seen.undone.clone()),
        _ => {}
    }
    Disturbance { itself, beside }
}

/// Whether a target holds just what there is to give: while a provider is down, what is due is no other than before, and to write it
/// again at each look would be a load on the store for as long as that lasts.
fn holds(held: &Held, set: &CredentialSet) -> bool {
    let asked = |name: &ProviderName| set.get(name).is_some() || set.failed().contains(name);
    let is_there = |name: &ProviderName, given: Validity| {
        held.get(name).is_some_and(|held| *held == given || set.is_outlived_by(name, held))
    };
    held.keys().all(asked) && set.iter().all(|(name, credential)| is_there(name, credential.validity()))
}

/// Writes a set, and whether anything was really written.
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
        (_, Written::Created) => info!(waiting_for, "created"),
        (Some(Step::Repair(reasons)), Written::Updated) => info!(?reasons, waiting_for, "repaired"),
        (Some(Step::Link(reasons)), _) => info!(?reasons, waiting_for, "linked"),
        (Some(Step::Adopt(from)), _) => info!(from, waiting_for, "adopted"),
        (_, Written::Updated) => tracing::debug!(waiting_for, "refreshed"),
        (_, Written::Unchanged) => tracing::debug!(waiting_for, "unchanged"),
    }
}

async fn limited<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| Err(Error::new(ErrorKind::Unreachable, "the store did not answer within 60 s"));
    timeout(DEADLINE, call).await.unwrap_or_else(late)
}
