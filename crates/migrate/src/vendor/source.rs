//! The source of a login, in the terms of a config.

/// Where a login comes from, as far as the login itself shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Source {
    /// A private registry of Amazon ECR.
    Ecr {
        /// The region of the registry.
        region: String,
        /// The account that owns the registry.
        account: String,
        /// The value of `aliases` for this kind of host. `None`: the plain host.
        alias: Option<&'static str>,
    },
    /// Amazon ECR Public.
    EcrPublic,
    /// Google Artifact Registry, or Container Registry.
    Google {
        /// The registry.
        registry: String,
    },
    /// Azure Container Registry.
    Azure {
        /// The host of the registry.
        host: String,
    },
    /// A robot account of Quay with federation.
    Quay {
        /// The host of Quay.
        host: String,
        /// The robot account.
        username: String,
    },
    /// JFrog Artifactory. A login does not show the OIDC integration that issued it.
    Jfrog {
        /// The host of Artifactory.
        host: String,
    },
}

impl Source {
    /// Whether a config can name the source without further knowledge.
    pub(crate) fn is_adoptable(&self) -> bool {
        !matches!(self, Self::Jfrog { .. })
    }
}
