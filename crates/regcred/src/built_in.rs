//! The types that this build brings along.

use std::sync::Arc;

use regcred_core::{Clock, Result, SystemClock};
use regcred_plan::Types;

/// The types of the features of this crate: `ecr`, and `openshift` with its other name `kubernetes`.
#[derive(Debug)]
pub struct BuiltIn {
    #[cfg_attr(not(feature = "ecr"), expect(dead_code, reason = "only `ecr` reads the time"))]
    clock: Arc<dyn Clock>,
    #[cfg(feature = "ecr")]
    transport: Option<regcred_ecr::Transport>,
    #[cfg(feature = "openshift")]
    clusters: regcred_openshift::Clusters,
}

impl Default for BuiltIn {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            #[cfg(feature = "ecr")]
            transport: None,
            #[cfg(feature = "openshift")]
            clusters: regcred_openshift::Clusters::default(),
        }
    }
}

impl BuiltIn {
    /// Sets the clock. Default: that of the machine.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Sets the connections to AWS. Default: those of the environment.
    #[cfg(feature = "ecr")]
    #[must_use]
    pub fn with_transport(self, transport: regcred_ecr::Transport) -> Self {
        Self { transport: Some(transport), ..self }
    }

    /// Sets the connections to clusters. Default: a sink connects as its options say.
    #[cfg(feature = "openshift")]
    #[must_use]
    pub fn with_clusters(self, clusters: regcred_openshift::Clusters) -> Self {
        Self { clusters, ..self }
    }

    /// Adds the types to those of a program. A type of the program with the same name stays.
    ///
    /// Fails if the program has a sink with only one of the names of a built-in one.
    pub fn add_to(self, types: Types) -> Result<Types> {
        #[cfg(feature = "ecr")]
        let types = if types.has_provider("ecr") {
            types
        } else {
            let ecr = regcred_ecr::EcrType::default().with_clock(self.clock);
            types.with_provider(match self.transport {
                Some(transport) => ecr.with_transport(transport),
                None => ecr,
            })?
        };
        #[cfg(feature = "openshift")]
        let types = if types.has_sink("openshift") {
            types
        } else {
            types.with_sink(regcred_openshift::OpenShiftType::new(self.clusters))?
        };
        Ok(types)
    }
}
