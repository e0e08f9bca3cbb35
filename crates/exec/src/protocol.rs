//! The protocols that credential programs speak.

use regcred_core::Registry;
use serde::Deserialize;

use crate::{answer::Answer, docker, fault::Fault, kubelet, process::Ended};

/// The protocol that a credential program speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[cfg_attr(feature = "plan", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Protocol {
    /// A Docker credential helper, such as `docker-credential-gcloud`. regcred runs its command `get`.
    Docker,
    /// A credential provider plug-in of the kubelet that speaks `credentialprovider.kubelet.k8s.io/v1`.
    Kubelet,
}

impl Protocol {
    /// Returns the arguments that follow those of the config.
    pub(crate) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Docker => docker::ARGUMENTS,
            Self::Kubelet => &[],
        }
    }

    /// Returns the text that the program reads from its standard input.
    pub(crate) fn request(self, registry: &Registry) -> String {
        match self {
            Self::Docker => docker::request(registry).to_owned(),
            Self::Kubelet => kubelet::request(registry),
        }
    }

    /// Reads the login for a registry from the output of a program that has ended.
    pub(crate) fn answer(self, registry: &Registry, ended: &Ended) -> Result<Answer, Fault> {
        match self {
            Self::Docker => docker::answer(registry, ended),
            Self::Kubelet => kubelet::answer(registry, ended),
        }
    }
}
