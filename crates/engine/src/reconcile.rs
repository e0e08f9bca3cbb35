//! One look at one target, and whatever it leads to.

use std::{sync::Arc, time::Duration};

use regcred_core::{Applied, CredentialSet, Error, ErrorKind, ProviderName, Result, Target, Validity, Written};
use tokio::{task::JoinSet, time::timeout};
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
    /// Observes, decides, mints, writes.
    pub(crate) async fn reconcile(self: Arc<Self>, route: &Route, target: &Target, force: bool) -> Outcome {
        let seen = match limited(route.sink.observe(target)).await {
            Ok(seen) => seen,
            Err(error) => return Outcome::failed(error),
        };
        let now = self.context.clock.now();
        let fresh = |it: &Validity| it.is_fresh(now, &*self.context.schedule);
        let step = decide(seen.as_ref(), &route.providers, force, fresh);
        let mut outcome =
            Outcome { validity: seen.unwrap_or_default().validity, step: Some(step.clone()), ..Outcome::default() };
        match &step {
            Step::Leave => {}
            Step::Refuse(owner) => info!(owner, "refused: it belongs to somebody else"),
            Step::Create | Step::Refresh | Step::Repair(_) => self.write(route, target, &mut outcome).await,
        }
        let due = |it: &Validity| it.renew_at(&*self.context.schedule);
        outcome.renew_at = outcome.validity.values().filter_map(due).min();
        outcome
    }

    /// Writes what can be had. A provider that fails costs the target its good word, but not the others' entries.
    async fn write(self: &Arc<Self>, route: &Route, target: &Target, outcome: &mut Outcome) {
        let mut set = CredentialSet::new();
        for (provider, minted) in self.mint(route).await {
            let error = match minted {
                Ok(Handed { credential, stale }) => set.insert(provider.clone(), credential).err().or(stale),
                Err(error) => Some(error),
            };
            if let Some(error) = error {
                if set.get(&provider).is_none() {
                    set.insert_failed(provider.clone());
                }
                outcome.failures.push(Failure { provider: Some(provider), error });
            }
        }
        if set.is_empty() {
            return;
        }
        match limited(route.sink.apply(target, &set)).await {
            Ok(applied) => {
                log(outcome.step.as_ref(), &applied);
                outcome.validity.retain(|name, _| set.failed().contains(name));
                outcome.validity.extend(set.iter().map(|(name, credential)| (name.clone(), credential.validity())));
                (outcome.written, outcome.waiting_for) = (Some(applied.written), applied.waiting_for);
            }
            Err(error) => outcome.failures.push(Failure { provider: None, error }),
        }
    }

    /// All providers of a route at once, so that one that is slow delays no other, in the route's order.
    async fn mint(self: &Arc<Self>, route: &Route) -> Vec<(ProviderName, Result<Handed>)> {
        let mut work = JoinSet::new();
        for (place, name) in route.providers.iter().enumerate() {
            let (minter, context) = (self.minters[name].clone(), self.context.clone());
            work.spawn(async move { (place, minter.get(&context).await) }.in_current_span());
        }
        let mut minted = work.join_all().await;
        minted.sort_by_key(|(place, _)| *place);
        minted.into_iter().map(|(place, result)| (route.providers[place].clone(), result)).collect()
    }
}

fn log(step: Option<&Step>, applied: &Applied) {
    let waiting_for = applied.waiting_for.as_deref();
    match (step, applied.written) {
        (_, Written::Created) => info!(waiting_for, "created"),
        (Some(Step::Repair(reasons)), _) => info!(?reasons, waiting_for, "repaired"),
        (_, Written::Updated) => tracing::debug!(waiting_for, "refreshed"),
        (_, Written::Unchanged) => tracing::debug!(waiting_for, "unchanged"),
    }
}

async fn limited<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| Err(Error::new(ErrorKind::Unreachable, "the store did not answer within 60 s"));
    timeout(DEADLINE, call).await.unwrap_or_else(late)
}
