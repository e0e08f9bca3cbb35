//! The minters of a plan: one per credential, shared by its providers.

use std::{collections::BTreeMap, fmt, sync::Arc};

use regcred_core::{ProviderName, RegistryProvider, Result, Scope};
use regcred_engine::Minter;
use regcred_plan::{Plan, PlannedProvider, Types};

use crate::lazy::Lazy;

/// The minters with their credentials and back-offs. A daemon keeps them from one config to the next.
#[derive(Clone, Default)]
pub struct Minters {
    /// The mints that providers share, by type and key.
    shared: BTreeMap<(&'static str, String), Mint>,
    /// The mints of providers that do not share, by their names.
    own: BTreeMap<ProviderName, Mint>,
}

/// One mint.
#[derive(Clone)]
struct Mint {
    minter: Arc<Minter>,
    provider: Arc<Lazy>,
    /// The providers that use its credential.
    names: Vec<ProviderName>,
}

/// The providers that mint, each with the names of the providers that share its mint.
pub type Mints = Vec<(Vec<ProviderName>, Arc<dyn RegistryProvider>)>;

impl Minters {
    /// Returns one minter for each provider of the plan, and keeps no others. Providers that share a mint differ only
    /// in the registries of their logins.
    pub(crate) fn of(&mut self, plan: &Plan, types: &Types) -> Vec<Arc<Minter>> {
        types.reload();
        let (mut kept, mut minters) = (Self::default(), vec![]);
        for (name, planned) in plan.planned_providers() {
            let Some((kind, key)) = planned.mint() else {
                let known = self.own.get(name).filter(|mint| mint.provider.verify() == planned.verify());
                let mint = known.cloned().unwrap_or_else(|| Mint::new(name, planned));
                minters.push(mint.minter.clone());
                kept.own.insert(name.clone(), mint);
                continue;
            };
            let key = (kind, key.to_owned());
            let known = kept.shared.remove(&key);
            let known = known.or_else(|| self.shared.get(&key).map(|mint| Mint { names: vec![], ..mint.clone() }));
            let mut mint = known.unwrap_or_else(|| Mint { names: vec![], ..Mint::new(name, planned) });
            mint.names.push(name.clone());
            minters.push(Arc::new(derived(name, &mint.minter, planned)));
            kept.shared.insert(key, mint);
        }
        *self = kept;
        minters
    }

    /// Returns the providers that mint.
    pub fn mints(&self) -> Mints {
        let all = self.shared.values().chain(self.own.values());
        all.map(|mint| (mint.names.clone(), mint.provider.clone() as _)).collect()
    }

    /// Makes each minter mint again, even if its credential is fresh.
    pub fn forget(&self) {
        for mint in self.shared.values().chain(self.own.values()) {
            mint.minter.forget();
        }
    }
}

impl Mint {
    fn new(name: &ProviderName, planned: &PlannedProvider) -> Self {
        let provider = Arc::new(Lazy::new(planned.clone()));
        let minter = Arc::new(Minter::new(name.clone(), provider.clone()));
        Self { minter, provider, names: vec![name.clone()] }
    }
}

/// Returns a minter of the shared credential, for the registries of this provider.
fn derived(name: &ProviderName, base: &Arc<Minter>, planned: &PlannedProvider) -> Minter {
    let registries = match &planned.plan().scope {
        Scope::Exact(registries) => Some(registries.clone()),
        _ => None,
    };
    Minter::derived(name.clone(), base.clone(), move |own| -> Result<_> {
        match &registries {
            Some(registries) => own.for_registries(registries.clone()),
            None => Ok(own.clone()),
        }
    })
}

impl fmt::Debug for Minters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minters").field("shared", &self.shared.len()).field("own", &self.own.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use regcred_config::{Origin, Problems, Verify};
    use regcred_core::{SecretSink, SystemClock, TargetSource, async_trait, testing::FakeProvider};
    use regcred_plan::{
        NoOptions, ProviderPlan, ProviderType, Run, SinkPlan, SinkTarget, SinkType, Verifier, from_yaml,
    };

    use super::*;

    /// A type whose entries do not share a mint.
    struct Robot;

    #[async_trait]
    impl ProviderType for Robot {
        const NAME: &'static str = "robot";
        type Options = NoOptions;

        fn plan(&self, _: &NoOptions, _: &Origin) -> Result<ProviderPlan, Problems> {
            Ok(ProviderPlan::default())
        }

        async fn make(&self, _: NoOptions) -> Result<Arc<dyn RegistryProvider>> {
            Ok(Arc::new(FakeProvider::new(Arc::new(SystemClock), "r.example")))
        }
    }

    struct Nowhere;

    #[async_trait]
    impl SinkType for Nowhere {
        const NAME: &'static str = "nowhere";
        type Options = NoOptions;
        type TargetOptions = NoOptions;

        fn plan(&self, _: &NoOptions, _: &[SinkTarget<NoOptions>], _: &Origin) -> Result<SinkPlan, Problems> {
            Ok(SinkPlan::default())
        }

        async fn make(
            &self,
            _: NoOptions,
            _: Vec<SinkTarget<NoOptions>>,
            _: &Run,
        ) -> Result<Vec<(Arc<dyn TargetSource>, Arc<dyn SecretSink>)>> {
            Ok(vec![])
        }
    }

    #[derive(Debug)]
    struct Trusting;

    impl Verifier for Trusting {
        fn verified(&self, provider: Arc<dyn RegistryProvider>, _: &Verify) -> Result<Arc<dyn RegistryProvider>> {
            Ok(provider)
        }
    }

    #[test]
    fn a_new_config_keeps_a_minter_unless_its_verification_changes() {
        let types = Types::default().with_provider(Robot).and_then(|it| it.with_sink(Nowhere)).expect("new");
        let types = types.with_verifier(Arc::new(Trusting));
        let mut minters = Minters::default();
        let mut minter = |options: &str| {
            let yaml = format!(
                "providers: {{ p: {{ type: robot{options} }} }}\nsinks: {{ s: {{ type: nowhere }} }}\n\
                 targets: [{{ namespace: a, providers: [p] }}]\n"
            );
            let config = from_yaml(&yaml, &types).expect("it is valid");
            let plan = Plan::new(&config, &types).expect("it is valid");
            let [minter] = &minters.of(&plan, &types)[..] else { panic!("there is one provider") };
            minter.clone()
        };
        let plain = minter("");
        assert!(Arc::ptr_eq(&plain, &minter(", verify: false")));
        let strict = minter(", verify: strict");
        assert!(!Arc::ptr_eq(&plain, &strict) && Arc::ptr_eq(&strict, &minter(", verify: strict")));
        assert!(!Arc::ptr_eq(&strict, &minter(", verify: true")));
    }
}
