//! `regcred status --instance NAME` without a config: prints the Secrets of an installation from their annotations.

use std::{process::ExitCode, time::SystemTime};

use anyhow::Result;
use regcred_core::{Clock, Error, InstanceName, Observed, Result as PortResult, SecretSink, StoreName, Target};
use regcred_engine::{Failure, Outcome, Step};
use regcred_openshift::{Cluster, Foreign, OpenShiftSink, leftover};

use super::{
    failure,
    flags::Output,
    output::print,
    session::{self, announce},
    status::{Args, Row, Shown},
    stderr,
};

use crate::codes;

pub(super) fn run(instance: &str, args: &Args, output: Output, clock: &dyn Clock) -> Result<ExitCode> {
    let instance = InstanceName::new(instance)?;
    let found = match session::wait(observe(&instance, args, clock))?? {
        Ok(found) => found,
        Err(error) if error.is_retryable() => return Ok(failure::unreachable(&error)),
        Err(error) => return Err(session::explain(&error).into()),
    };
    if found.is_empty() {
        stderr::warning(&format!("No targets found of instance {instance}"));
    }
    let now = clock.now();
    let rows = found.iter().map(|(target, outcome)| Row::new(target, outcome, vec![], now));
    let shown = Shown::new(rows.collect(), args, now, 0);
    print(output, &shown)?;
    Ok(shown.exit_code())
}

/// Reads each Secret of the instance. The outer error is about the connection settings.
async fn observe(
    instance: &InstanceName,
    args: &Args,
    clock: &dyn Clock,
) -> Result<PortResult<Vec<(Target, Outcome)>>> {
    let cluster = Cluster::connect(&args.pass.connection()).await?;
    announce(&cluster, None);
    let store = StoreName::new("cluster")?;
    let observing = async {
        let namespaces = session::namespaces(&cluster, &args.pass.only.namespace).await?;
        let leftovers = leftover::leftovers(&cluster, &store, instance, &namespaces).await?;
        let sink = |foreign| {
            OpenShiftSink::builder(cluster.clone()).with_instance(instance.clone()).with_foreign(foreign).build()
        };
        let (own, merged) = (sink(Foreign::Refuse), sink(Foreign::Merge));
        let mut found = vec![];
        for leftover in leftovers {
            let sink = if leftover.is_merged { &merged } else { &own };
            let outcome = outcome(sink.observe(&leftover.target).await, clock.now());
            found.push((leftover.target, outcome));
        }
        Ok(found)
    };
    let late = |_| {
        let cause = format!("the search did not end within {:?}", args.pass.timeout);
        Error::new(&codes::TIMEOUT, "cannot search the cluster").with_cause(cause)
    };
    Ok(tokio::time::timeout(args.pass.timeout, observing).await.map_err(late).and_then(|it| it))
}

/// Returns the outcome of reading one Secret at this time. Without a config, there is no schedule and no missing login.
fn outcome(observed: PortResult<Observed>, now: SystemTime) -> Outcome {
    let mut outcome = Outcome::default();
    match observed {
        Ok(seen) if seen.exists => {
            let renew_at = seen.validity.values().filter_map(|it| it.renew_at(&|_| None)).min();
            outcome.step = Some(match seen.refusal {
                Some(refusal) => Step::Refuse(refusal),
                None if renew_at.is_some_and(|at| at <= now) => Step::Refresh,
                None => Step::Leave,
            });
            outcome.renew_at = renew_at;
            outcome.waiting_for = seen.waiting_for;
            outcome.failures.extend(seen.failure.map(|error| Failure::new(None, error)));
            outcome.validity = seen.validity.into();
            outcome.details = Some(Box::new(seen.details));
        }
        Ok(_) => outcome.step = Some(Step::Create),
        Err(error) => outcome.failures.push(Failure::new(None, error)),
    }
    outcome
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use regcred_core::Validity;

    use super::*;

    #[test]
    fn a_secret_is_due_when_half_of_its_life_is_over() {
        let issued = SystemTime::UNIX_EPOCH + Duration::from_hours(1_000);
        let mut seen = Observed::default();
        seen.exists = true;
        let validity = Validity::new(issued, Some(issued + Duration::from_hours(12))).expect("valid");
        seen.validity.insert("ecr".parse().expect("a name"), validity);
        for (hours, step) in [(0, Step::Leave), (5, Step::Leave), (7, Step::Refresh), (13, Step::Refresh)] {
            let outcome = outcome(Ok(seen.clone()), issued + Duration::from_hours(hours));
            assert_eq!(outcome.step, Some(step), "after {hours} hours");
        }
        assert_eq!(outcome(Ok(Observed::default()), issued).step, Some(Step::Create), "there is no Secret");
    }
}
