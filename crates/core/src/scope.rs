//! The registries that a provider can open, before it mints.

use crate::{Pattern, Registry};

/// The registries that a provider can open, as far as they are known before a credential is minted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// The registries are known only after a mint.
    #[default]
    Unknown,
    /// These registries, and no others.
    Exact(Vec<Registry>),
    /// Registries that match one of these patterns.
    Matching(Vec<Pattern>),
}

impl Scope {
    /// Returns whether a credential of the provider may open an image such as `registry.example/team/app`, without tag
    /// and digest.
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
        matches!(self, Self::Unknown) || self.longest(image).is_some()
    }

    /// Returns the length of the longest registry or pattern that matches an image, in bytes. `None`: none matches, or
    /// the registries are unknown.
    pub fn longest(&self, image: &str) -> Option<usize> {
        match self {
            Self::Unknown => None,
            Self::Exact(registries) => {
                registries.iter().filter(|it| it.covers(image)).map(|it| it.as_str().len()).max()
            }
            Self::Matching(patterns) => {
                patterns.iter().filter(|it| it.matches(image)).map(|it| it.to_string().len()).max()
            }
        }
    }
}
