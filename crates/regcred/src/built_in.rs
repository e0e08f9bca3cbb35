//! The types that this build includes.

#[cfg(feature = "ecr")]
use std::sync::Arc;

use regcred_core::Result;
use regcred_plan::Types;

/// The types of the features of this crate: `ecr`, and `openshift` with its other name `kubernetes`.
#[derive(Debug, Default)]
pub struct BuiltIn {
    #[cfg(feature = "ecr")]
    ecr: regcred_ecr::EcrType,
    #[cfg(feature = "openshift")]
    clusters: regcred_openshift::Clusters,
}

impl BuiltIn {
    /// Sets the clock that requests to AWS are signed with. Default: the clock of the machine.
    #[cfg(feature = "ecr")]
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn regcred_core::Clock>) -> Self {
        self.ecr = self.ecr.with_clock(clock);
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
        #[cfg(feature = "ecr")]
        let types = if types.has_provider("ecr") { types } else { types.with_provider(self.ecr)? };
        #[cfg(feature = "openshift")]
        let types = if types.has_sink("openshift") {
            types
        } else {
            types.with_sink(regcred_openshift::OpenShiftType::new(self.clusters))?
        };
        Ok(types)
    }
}
