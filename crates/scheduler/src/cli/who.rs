//! The identity of regcred in AWS, asked beside a pass.

use std::time::Duration;

use regcred_core::{ErrorKind, ProviderName, Result};
use regcred_ecr::shown_principal;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::timeout};
use tracing::{info, warn};

use super::{administrator::may_push, stderr};
use crate::wire::{Callers, Minters};

/// How long a finished pass waits for the answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// A caller, and the providers that ask as it.
pub(crate) struct Caller {
    providers: Vec<ProviderName>,
    /// `None`: AWS has not answered yet.
    arn: Option<Result<String>>,
}

/// Asks who regcred is, and logs it for a daemon.
pub(crate) async fn log(minters: &Minters) {
    for Caller { providers, arn } in ask(&minters.callers()).await {
        let providers = providers.iter().map(ProviderName::as_str).collect::<Vec<_>>().join(", ");
        match arn {
            Some(Ok(arn)) => {
                info!(arn, providers, "identity in AWS");
                if let Some((why, fix)) = may_push(&arn) {
                    warn!(fix, "regcred {why}");
                }
            }
            Some(Err(error)) => warn!(providers, error = error.chain(), "AWS did not say who regcred is"),
            None => {}
        }
    }
}

/// Does the work, and asks AWS for the identity of regcred meanwhile. The work does not fail if AWS does not answer.
pub(crate) async fn beside<T>(minters: &Minters, work: impl Future<Output = T>) -> (T, Vec<Caller>) {
    let callers = minters.callers();
    let asking = ask(&callers);
    tokio::pin!(asking, work);
    let (done, known) = tokio::select! {
        biased;
        done = &mut work => (Some(done), None),
        known = &mut asking => (None, Some(known)),
    };
    let known = match known {
        Some(known) => known,
        None => timeout(PATIENCE, asking).await.unwrap_or_else(|_| unknown(&callers)),
    };
    announce(&known);
    let done = match done {
        Some(done) => done,
        None => work.await,
    };
    (done, known)
}

async fn ask(callers: &Callers) -> Vec<Caller> {
    let mut asking = JoinSet::new();
    for (place, (_, provider)) in callers.iter().enumerate() {
        let provider = provider.clone();
        asking.spawn(async move { (place, provider.known_caller().await.map(shown_principal)) });
    }
    let mut known = unknown(callers);
    while let Some(asked) = asking.join_next().await {
        let Ok((place, arn)) = asked else { continue };
        known[place].arn = Some(arn);
    }
    known
}

fn unknown(callers: &Callers) -> Vec<Caller> {
    callers.iter().map(|(providers, _)| Caller { providers: providers.clone(), arn: None }).collect()
}

fn announce(callers: &[Caller]) {
    for Caller { providers, arn } in callers {
        let names = providers.iter().map(ProviderName::as_str).collect::<Vec<_>>().join(", ");
        let of = format!("{} {names}", if providers.len() == 1 { "provider" } else { "providers" });
        match arn {
            Some(Ok(arn)) => {
                stderr::info(&format!("aws {arn} ({of})"));
                if let Some((why, fix)) = may_push(arn) {
                    stderr::warning(&format!("regcred {why}\n  fix: {fix}"));
                }
            }
            Some(Err(error)) if matches!(error.kind(), ErrorKind::Denied | ErrorKind::Invalid) => {
                let fix = "`regcred check --online` prints what is missing";
                stderr::warning(&format!("aws unknown ({of}): {}\n  fix: {fix}", error.chain()));
            }
            // ECR may be reachable if STS is not.
            Some(Err(error)) => stderr::info(&format!("aws unknown ({of}): {}", error.chain())),
            None => stderr::info(&format!("aws unknown ({of}): no answer yet")),
        }
    }
}

/// The account and the ARN of each provider.
pub(crate) fn as_json(callers: &[Caller]) -> Value {
    let of = |Caller { providers, arn }: &Caller| {
        let arn = arn.as_ref().and_then(|arn| arn.as_deref().ok());
        let account = arn.and_then(|arn| arn.split(':').nth(4)).map(str::to_owned);
        let rows = providers.iter().map(|name| json!({ "provider": name.as_str(), "account": account, "arn": arn }));
        rows.collect::<Vec<_>>()
    };
    callers.iter().flat_map(of).collect()
}
