//! The minters of a plan: one per token, however many providers share it.

#[cfg(feature = "cli")]
use std::time::SystemTime;
use std::{collections::BTreeMap, fmt, sync::Arc};

use regcred_core::{Clock, ProviderName, Result};
use regcred_ecr::{EcrProvider, RegistryHost, Transport};
use regcred_engine::Minter;

use crate::{
    Types,
    plan::Plan,
    provider::{Provider, Token},
};

/// The minters with their credentials and back-offs. A daemon keeps them from one engine to the next.
#[derive(Clone, Default)]
pub struct Minters {
    /// The way to AWS that was given; `None`: it is the environment's.
    given: Option<Transport>,
    /// The way that is gone.
    way: Option<Transport>,
    tokens: BTreeMap<Token, Ecr>,
    /// Of other types, by the names that stand for what they are.
    others: BTreeMap<ProviderName, Arc<Minter>>,
}

/// The minter of a token, and the provider that asks for it.
#[derive(Clone)]
struct Ecr {
    minter: Arc<Minter>,
    provider: Arc<EcrProvider>,
    /// The providers that derive their credentials from it.
    names: Vec<ProviderName>,
}

/// The providers that ask AWS, each with the names of those that share its token.
pub type Callers = Vec<(Vec<ProviderName>, Arc<EcrProvider>)>;

impl Minters {
    /// Goes this way to AWS. Default: as [`Transport::new`] has it.
    #[must_use]
    pub fn with_transport(self, transport: Transport) -> Self {
        Self { given: Some(transport), ..self }
    }

    /// One per provider of the plan. Those of one token of ECR share the one that asks for it, and differ in the hosts they name. What
    /// the plan does not need any more is forgotten.
    pub(super) async fn of(&mut self, plan: &Plan, types: &Types, clock: &Arc<dyn Clock>) -> Result<Vec<Arc<Minter>>> {
        let transport = match (&self.given, &self.way) {
            (Some(given), _) => given.clone(),
            (None, Some(way)) => way.renewed()?,
            (None, None) => Transport::new()?,
        };
        let mut kept = Self { given: self.given.clone(), way: Some(transport.clone()), ..Self::default() };
        let mut minters = vec![];
        for (name, wanted) in &plan.providers {
            let wanted = match wanted {
                Provider::Ecr(wanted) => wanted,
                Provider::Other(spec) => {
                    let make = || Arc::new(Minter::new(name.clone(), Arc::new(types.provider(spec.clone()))));
                    let minter = self.others.get(name).cloned().unwrap_or_else(make);
                    kept.others.insert(name.clone(), minter.clone());
                    minters.push(minter);
                    continue;
                }
            };
            let mut base = match (kept.tokens.get(&wanted.token), self.tokens.get(&wanted.token)) {
                (Some(base), _) => base.clone(),
                (None, Some(base)) => Ecr { names: vec![], ..base.clone() },
                (None, None) => {
                    let provider = wanted.token.provider().with_transport(transport.clone()).with_clock(clock.clone());
                    let provider = Arc::new(provider.build().await?);
                    let minter = Arc::new(Minter::new(name.clone(), provider.clone()));
                    Ecr { minter, provider, names: vec![] }
                }
            };
            base.names.push(name.clone());
            kept.tokens.insert(wanted.token.clone(), base.clone());
            let (base, registries) = (base.minter, wanted.hosts.iter().map(RegistryHost::registry).collect::<Vec<_>>());
            minters.push(Arc::new(Minter::derived(name.clone(), base, move |own| {
                if registries.is_empty() { Ok(own.clone()) } else { own.for_registries(registries.clone()) }
            })));
        }
        *self = kept;
        Ok(minters)
    }

    /// What time it is in AWS, by its latest answer; `None`: it has not been asked.
    #[cfg(feature = "cli")]
    pub(crate) fn their_time(&self) -> Option<SystemTime> {
        self.way.as_ref()?.their_time()
    }

    /// The providers that ask AWS.
    pub fn callers(&self) -> Callers {
        self.tokens.values().map(|ecr| (ecr.names.clone(), ecr.provider.clone())).collect()
    }

    /// Makes each minter mint anew, even if its credential is fresh.
    pub fn forget(&self) {
        for minter in self.tokens.values().map(|ecr| &ecr.minter).chain(self.others.values()) {
            minter.forget();
        }
    }
}

impl fmt::Debug for Minters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minters")
            .field("tokens", &self.tokens.len())
            .field("others", &self.others)
            .finish_non_exhaustive()
    }
}
