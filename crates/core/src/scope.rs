//! What a provider can open, before it mints.

use crate::{Pattern, Registry};

/// The registries that a provider can open, as far as they are known before a credential is minted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// Only a minted credential shows it.
    #[default]
    Unknown,
    /// These registries, and no others.
    Exact(Vec<Registry>),
    /// Registries that match one of these patterns.
    Matching(Vec<Pattern>),
}

impl Scope {
    /// Whether a credential of the provider may open an image such as `registry.example/team/app`, without tag and digest.
    ///
    /// ```
    /// # use regcred_core::{Pattern, Registry, Scope};
    /// let exact = Scope::Exact(vec![Registry::new("registry.example/team")?]);
    /// assert!(exact.may_open("registry.example/team/app"));
    /// assert!(!exact.may_open("registry.example/teamster/app"));
    /// let matching = Scope::Matching(vec![Pattern::new("*.registry.example")?]);
    /// assert!(matching.may_open("eu.registry.example/app"));
    /// assert!(Scope::Unknown.may_open("anywhere.example/app"));
    /// # Ok::<(), regcred_core::Error>(())
    /// ```
    pub fn may_open(&self, image: &str) -> bool {
        let is_within = |registry: &Registry| {
            let rest = image.strip_prefix(registry.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match self {
            Self::Unknown => true,
            Self::Exact(registries) => registries.iter().any(is_within),
            Self::Matching(patterns) => patterns.iter().any(|pattern| pattern.matches(image)),
        }
    }
}
