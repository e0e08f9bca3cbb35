//! Checks the providers.
//!
//! Each type checks its own providers. If a type has no checks, each of its providers mints one credential.

use std::{collections::BTreeMap, sync::Arc};

use regcred_core::{Clock, Error, ErrorKind, RegistryProvider};
use regcred_plan::{Finding, Plan, PlannedProvider, Types};
use tokio::task::JoinSet;

use super::clock::compare;

/// Checks every provider of the plan, all types concurrently.
pub(crate) async fn ask(plan: &Plan, types: &Types, clock: &Arc<dyn Clock>, findings: &mut Vec<Finding>) {
    let mut by_type = BTreeMap::<&str, Vec<PlannedProvider>>::new();
    for provider in plan.planned_providers().values() {
        by_type.entry(provider.kind()).or_default().push(provider.clone());
    }
    let mut asking = JoinSet::new();
    for providers in by_type.into_values() {
        asking.spawn(async move {
            match PlannedProvider::probe(&providers).await {
                Some(findings) => findings,
                None => mint_each(providers).await,
            }
        });
    }
    while let Some(asked) = asking.join_next().await {
        findings.extend(asked.unwrap_or_else(|_| panicked()));
    }
    findings.extend(types.server_times().into_iter().map(|(whose, theirs)| compare(whose, theirs, clock.now())));
}

async fn mint_each(providers: Vec<PlannedProvider>) -> Vec<Finding> {
    let mut asking = JoinSet::new();
    for provider in providers {
        asking.spawn(async move {
            let minting = async { provider.make().await?.credential().await };
            match minting.await {
                Ok(credential) => Finding::minted(provider.name(), &[], &credential),
                Err(error) => Finding::error("token", provider.name(), &error)
                    .with_fix(format!("the provider is of type {}: correct what the message names", provider.kind())),
            }
        });
    }
    let mut findings = vec![];
    while let Some(asked) = asking.join_next().await {
        match asked {
            Ok(finding) => findings.push(finding),
            Err(_) => findings.extend(panicked()),
        }
    }
    findings
}

fn panicked() -> Vec<Finding> {
    let error = Error::new(ErrorKind::Bug, "cannot check the provider").with_cause("the check panicked");
    vec![Finding::error("token", "a provider", &error).with_fix("report it")]
}
