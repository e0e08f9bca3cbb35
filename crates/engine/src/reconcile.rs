//! One look at one target, and whatever it leads to.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use regcred_core::{Applied, CredentialSet, Error, ErrorKind, Result, Target, Validity, Written};
use tokio::{
    task::{JoinError, JoinSet},
    time::timeout,
};
use tracing::{Instrument, info};

use crate::{
    decide::{Step, decide},
    engine::{Engine, Route},
    minter::Handed,
    report::{Failure, Outcome},
};

/// Longer than any sink's own deadline should be: it ends a sink that has none.
const DEADLINE: Duration = Duration::from_mins(1);

impl Engine {
    /// Observes, decides, mints, writes. `None`: told to stop before anything was written.
    pub(crate) async fn reconcile(
        self: Arc<Self>,
        route: &Route,
        target: &Target,
        force: bool,
        stopping: &AtomicBool,
    ) -> Option<Outcome> {
        let seen = match limited(route.sink.observe(target)).await {
            Ok(seen) => seen,
            Err(error) => return Some(Outcome::failed(error)),
        };
        let now = self.context.clock.now();
        let fresh = |it: &Validity| it.is_fresh(now, &*self.context.schedule);
        let step = decide(seen.as_ref(), &route.providers, force, fresh);
        let seen = seen.unwrap_or_default();
        let (validity, waiting_for) = (seen.validity, seen.waiting_for);
        let mut outcome = Outcome { step: Some(step.clone()), validity, waiting_for, ..Outcome::default() };
        match &step {
            Step::Leave => outcome.failures.extend(seen.failure.map(|error| Failure { provider: None, error })),
            Step::Refuse(owner) => info!(owner, "refused: it belongs to somebody else"),
            Step::Create | Step::Refresh | Step::Repair(_) => {
                let set = self.mint(route, &mut outcome, stopping).await?;
                if !set.is_empty() {
                    write(route, target, &set, &mut outcome).await;
                }
            }
        }
        let due = |it: &Validity| it.renew_at(&*self.context.schedule);
        outcome.renew_at = outcome.validity.values().filter_map(due).min();
        Some(outcome)
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

async fn write(route: &Route, target: &Target, set: &CredentialSet, outcome: &mut Outcome) {
    match limited(route.sink.apply(target, set)).await {
        Ok(applied) => {
            log(outcome.step.as_ref(), &applied);
            outcome.validity.retain(|name, _| set.failed().contains(name));
            outcome.validity.extend(set.iter().map(|(name, credential)| (name.clone(), credential.validity())));
            outcome.failures.extend(applied.failure.map(|error| Failure { provider: None, error }));
            (outcome.written, outcome.waiting_for) = (Some(applied.written), applied.waiting_for);
        }
        Err(error) => outcome.failures.push(Failure { provider: None, error }),
    }
}

fn log(step: Option<&Step>, applied: &Applied) {
    let waiting_for = applied.waiting_for.as_deref();
    match (step, applied.written) {
        (_, Written::Created) => info!(waiting_for, "created"),
        (Some(Step::Repair(reasons)), Written::Updated) => info!(?reasons, waiting_for, "repaired"),
        (_, Written::Updated) => tracing::debug!(waiting_for, "refreshed"),
        (_, Written::Unchanged) => tracing::debug!(waiting_for, "unchanged"),
    }
}

async fn limited<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| Err(Error::new(ErrorKind::Unreachable, "the store did not answer within 60 s"));
    timeout(DEADLINE, call).await.unwrap_or_else(late)
}
