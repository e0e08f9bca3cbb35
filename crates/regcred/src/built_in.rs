//! The types that this build includes.

use std::sync::Arc;

use regcred_core::{Clock, Result, SystemClock};
use regcred_plan::{ProviderType, Types};

/// The types of the features of this crate:
///
/// | feature | types of providers | types of sinks |
/// |---|---|---|
/// | `ecr` | `ecr`, `ecr-public` | |
/// | `exchange` | `azure`, `google`, `jfrog`, `oidc`, `quay` | |
/// | `exec` | `exec` | |
/// | `file` | `file` | `file` |
/// | `openshift` | `secret` | `openshift`, `kubernetes` |
///
/// The feature `verify` adds the key `verify` of providers.
#[derive(Debug)]
pub struct BuiltIn {
    clock: Arc<dyn Clock>,
    #[cfg(feature = "ecr")]
    ecr: regcred_ecr::EcrType,
    #[cfg(feature = "openshift")]
    clusters: regcred_openshift::Clusters,
}

impl Default for BuiltIn {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            #[cfg(feature = "ecr")]
            ecr: regcred_ecr::EcrType::default(),
            #[cfg(feature = "openshift")]
            clusters: regcred_openshift::Clusters::default(),
        }
    }
}

impl BuiltIn {
    /// Sets the clock of all types. Default: the clock of the machine.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the variables and files of every provider of the type `ecr`. Default: those of the process.
    #[cfg(feature = "ecr")]
    #[must_use]
    pub fn with_aws_environment(mut self, environment: regcred_ecr::Environment) -> Self {
        self.ecr = self.ecr.with_environment(environment);
        self
    }

    /// Sets the connections to AWS. Default: those of the environment.
    #[cfg(feature = "ecr")]
    #[must_use]
    pub fn with_transport(mut self, transport: regcred_ecr::Transport) -> Self {
        self.ecr = self.ecr.with_transport(transport);
        self
    }

    /// Sets the connections to clusters. Default: a sink connects as its options say.
    #[cfg(feature = "openshift")]
    #[must_use]
    pub fn with_clusters(mut self, clusters: regcred_openshift::Clusters) -> Self {
        self.clusters = clusters;
        self
    }

    /// Adds these types to those of a program. A type of the program with the same name wins.
    ///
    /// Fails if a sink type of the program has only one of the names of a built-in type.
    pub fn add_to(self, types: Types) -> Result<Types> {
        #[cfg_attr(
            not(any(
                feature = "ecr",
                feature = "exchange",
                feature = "exec",
                feature = "file",
                feature = "openshift",
                feature = "verify"
            )),
            expect(unused_variables, reason = "no feature adds a type")
        )]
        let clock = self.clock;
        #[cfg(feature = "ecr")]
        let types = with(types, || self.ecr.with_clock(clock.clone()))?;
        #[cfg(feature = "exchange")]
        let types = exchange(types, &clock)?;
        #[cfg(feature = "exec")]
        let types = with(types, || regcred_exec::ExecType::default().with_clock(clock.clone()))?;
        #[cfg(feature = "file")]
        let types = with(types, || regcred_file::FileType::default().with_clock(clock.clone()))?;
        #[cfg(all(any(target_os = "linux", target_os = "macos"), feature = "file"))]
        let types = if types.has_sink("file") { types } else { types.with_sink(regcred_file::FileSinkType)? };
        #[cfg(feature = "verify")]
        let types = if types.has_verifier() {
            types
        } else {
            types.with_verifier(Arc::new(regcred_verify::RegistryVerifier::new(clock.clone())))
        };
        #[cfg(feature = "openshift")]
        let types =
            with(types, || regcred_openshift::SecretType::new(self.clusters.clone()).with_clock(clock.clone()))?;
        #[cfg(feature = "openshift")]
        let types = if types.has_sink("openshift") {
            types
        } else {
            types.with_sink(regcred_openshift::OpenShiftType::new(self.clusters))?
        };
        Ok(types)
    }
}

/// Adds a type of provider, unless the program has one with the same name.
#[cfg_attr(
    not(any(feature = "ecr", feature = "exchange", feature = "exec", feature = "file", feature = "openshift")),
    expect(dead_code, reason = "no feature adds a type")
)]
fn with<T: ProviderType>(types: Types, provider: impl FnOnce() -> T) -> Result<Types> {
    if types.has_provider(T::NAME) { Ok(types) } else { types.with_provider(provider()) }
}

#[cfg(feature = "exchange")]
fn exchange(types: Types, clock: &Arc<dyn Clock>) -> Result<Types> {
    use regcred_exchange::{Azure, ExchangeType, Google, Jfrog, Oidc, Quay};

    let types = with(types, || ExchangeType::<Azure>::default().with_clock(clock.clone()))?;
    let types = with(types, || ExchangeType::<Google>::default().with_clock(clock.clone()))?;
    let types = with(types, || ExchangeType::<Jfrog>::default().with_clock(clock.clone()))?;
    let types = with(types, || ExchangeType::<Oidc>::default().with_clock(clock.clone()))?;
    with(types, || ExchangeType::<Quay>::default().with_clock(clock.clone()))
}
