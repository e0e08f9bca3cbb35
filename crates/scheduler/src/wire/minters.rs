//! From providers to what mints: one per token, however many names it has.

use std::{collections::BTreeMap, sync::Arc};

use regcred_core::{Clock, Result};
use regcred_ecr::{RegistryHost, Transport};
use regcred_engine::Minter;

use crate::{
    Types,
    plan::Plan,
    provider::{Provider, Token},
};

/// One per provider of the plan. Those of one token of ECR share the one that asks for it, and differ in the hosts they name.
pub(super) async fn minters(plan: &Plan, types: &Types, clock: &Arc<dyn Clock>) -> Result<Vec<Minter>> {
    let mut tokens = BTreeMap::<&Token, Arc<Minter>>::new();
    let (transport, mut minters) = (Transport::new()?, vec![]);
    for (name, wanted) in &plan.providers {
        let wanted = match wanted {
            Provider::Ecr(wanted) => wanted,
            Provider::Other(spec) => {
                minters.push(Minter::new(name.clone(), Arc::new(types.provider(spec.clone()))));
                continue;
            }
        };
        if !tokens.contains_key(&wanted.token) {
            let provider = wanted.token.provider().with_transport(transport.clone()).with_clock(clock.clone());
            let base = Minter::new(name.clone(), Arc::new(provider.build().await?));
            tokens.insert(&wanted.token, Arc::new(base));
        }
        let base = tokens[&wanted.token].clone();
        let registries = wanted.hosts.iter().map(RegistryHost::registry).collect::<Vec<_>>();
        minters.push(Minter::derived(name.clone(), base, move |own| {
            if registries.is_empty() { Ok(own.clone()) } else { own.for_registries(registries.clone()) }
        }));
    }
    Ok(minters)
}
