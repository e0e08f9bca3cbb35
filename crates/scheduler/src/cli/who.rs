//! The identity of regcred at its providers, which is requested during a pass.

use std::time::Duration;

use regcred::{Minters, Mints};
use regcred_core::{Caller, ErrorKind, ProviderName, Result};
use regcred_plan::Plan;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::timeout};

use super::stderr;

/// The longest time that a finished pass waits for the answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// The identity of regcred at a group of providers.
pub(crate) struct Known {
    providers: Vec<ProviderName>,
    /// The service of the providers, in lower case.
    service: String,
    answer: Answer,
}

enum Answer {
    Pending,
    /// The service has no name for the caller.
    NoCaller,
    Caller(Result<Caller>),
}

/// Runs the work, and requests regcred's identity at the same time. The work does not fail without an answer.
pub(crate) async fn beside<T>(minters: &Minters, plan: &Plan, work: impl Future<Output = T>) -> (T, Vec<Known>) {
    let mints = minters.mints();
    let asking = ask(&mints, plan);
    tokio::pin!(asking, work);
    let (done, known) = tokio::select! {
        biased;
        done = &mut work => (Some(done), None),
        known = &mut asking => (None, Some(known)),
    };
    let known = match known {
        Some(known) => known,
        None => timeout(PATIENCE, asking).await.unwrap_or_else(|_| unknown(&mints, plan)),
    };
    announce(&known);
    let done = match done {
        Some(done) => done,
        None => work.await,
    };
    (done, known)
}

async fn ask(mints: &Mints, plan: &Plan) -> Vec<Known> {
    let mut asking = JoinSet::new();
    for (place, (_, provider)) in mints.iter().enumerate() {
        let provider = provider.clone();
        asking.spawn(async move { (place, provider.caller().await) });
    }
    let mut known = unknown(mints, plan);
    while let Some(asked) = asking.join_next().await {
        let Ok((place, caller)) = asked else { continue };
        known[place].answer = caller.map_or(Answer::NoCaller, Answer::Caller);
    }
    known
}

fn unknown(mints: &Mints, plan: &Plan) -> Vec<Known> {
    let service = |name: &ProviderName| plan.planned_providers().get(name).map(|it| it.service().to_lowercase());
    let known = |providers: &Vec<ProviderName>| {
        let service = providers.first().and_then(service).unwrap_or_default();
        Known { providers: providers.clone(), service, answer: Answer::Pending }
    };
    mints.iter().map(|(providers, _)| known(providers)).collect()
}

fn announce(known: &[Known]) {
    for Known { providers, service, answer } in known {
        let names = providers.iter().map(ProviderName::as_str).collect::<Vec<_>>().join(", ");
        let of = format!("{} {names}", if providers.len() == 1 { "provider" } else { "providers" });
        match answer {
            Answer::Caller(Ok(caller)) => {
                stderr::info(&format!("{} {} ({of})", caller.service, caller.name));
                if let Some((why, fix)) = &caller.warning {
                    stderr::warning(&format!("regcred {why}\n  fix: {fix}"));
                }
            }
            Answer::Caller(Err(error)) if matches!(error.kind(), ErrorKind::Denied | ErrorKind::Invalid) => {
                let fix = "`regcred check --online` prints what is missing";
                stderr::warning(&format!("{service} unknown ({of}): {}\n  fix: {fix}", error.chain()));
            }
            // Minting may work without this answer.
            Answer::Caller(Err(error)) => stderr::info(&format!("{service} unknown ({of}): {}", error.chain())),
            Answer::NoCaller => {}
            Answer::Pending => stderr::info(&format!("{service} unknown ({of}): no answer yet")),
        }
    }
}

/// Returns the service, the account and the name of each provider's caller.
pub(crate) fn as_json(known: &[Known]) -> Value {
    let of = |Known { providers, service, answer }: &Known| {
        let caller = if let Answer::Caller(Ok(caller)) = answer { Some(caller) } else { None };
        let (name, account) = (caller.map(|it| &it.name), caller.and_then(|it| it.account.as_ref()));
        let row = |provider: &ProviderName| json!({ "provider": provider.as_str(), "service": service, "account": account, "name": name });
        providers.iter().map(row).collect::<Vec<_>>()
    };
    known.iter().flat_map(of).collect()
}
