//! A provider of a plan: an entry of `providers:`, or the keys of a target that replace one.

use std::{fmt, sync::Arc};

use regcred_config::{Problems, Spec, Verify};
use regcred_core::{RegistryProvider, Result};

use super::{
    erased::{AnyProviderType, Options},
    identity::{ChosenIdentity, Identities, PodIdentity, PodSite, Policies},
    provider::{Probe, ProviderPlan},
    verifier::Verifier,
};
use crate::finding::Finding;

/// How credentials are verified, and the verifier of the program.
pub(crate) type Verified = (Verify, Arc<dyn Verifier>);

/// A provider that a target may use: its needs, and how to create it.
#[derive(Clone)]
pub struct PlannedProvider {
    /// The name of its entry, or of the inline provider.
    pub(crate) name: String,
    /// `None`: it is inline.
    pub(crate) entry: Option<Spec>,
    pub(crate) kind: &'static str,
    /// The digest of its options for annotations.
    pub(crate) digest: u64,
    pub(crate) plan: ProviderPlan,
    pub(crate) options: Options,
    pub(crate) of: Arc<dyn AnyProviderType>,
    /// `None`: its credentials are not verified.
    pub(crate) verified: Option<Verified>,
}

impl PlannedProvider {
    /// Returns the name of its entry, or of the inline provider.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its entry of the config. `None`: it is inline.
    pub fn entry(&self) -> Option<&Spec> {
        self.entry.as_ref()
    }

    /// Returns the name of its type.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Returns the display name of its service.
    pub fn service(&self) -> &'static str {
        self.of.service()
    }

    /// Returns what it needs and opens.
    pub fn plan(&self) -> &ProviderPlan {
        &self.plan
    }

    /// Returns the key under which providers share one mint. `None`: it does not share.
    pub fn mint(&self) -> Option<(&'static str, &str)> {
        Some((self.kind, self.plan.mint.as_deref()?))
    }

    /// Returns how its credentials are verified. `None`: they are not.
    pub fn verify(&self) -> Option<&Verify> {
        self.verified.as_ref().map(|(verify, _)| verify)
    }

    /// Creates the provider, with its verification.
    pub async fn make(&self) -> Result<Arc<dyn RegistryProvider>> {
        let provider = self.of.make(&self.options).await?;
        match &self.verified {
            Some((verify, verifier)) => verifier.verified(provider, verify),
            None => Ok(provider),
        }
    }

    /// Checks providers of one type together. `None`: the type has no checks of its own.
    pub async fn probe(of_one_type: &[Self]) -> Option<Vec<Finding>> {
        let of = of_one_type.first()?.of.clone();
        of.probe(entries(of_one_type)).await
    }

    /// Returns the identities that a pod can get for providers of its type.
    pub(crate) fn identities(&self) -> Identities {
        self.of.identities()
    }

    /// Returns what a pod needs for providers of one type.
    pub(crate) fn pod_identity(
        of_one_type: &[Self],
        chosen: &ChosenIdentity,
        site: &PodSite,
    ) -> Result<PodIdentity, Problems> {
        let Some(first) = of_one_type.first() else { return Ok(PodIdentity::default()) };
        first.of.pod_identity(entries(of_one_type), chosen, site)
    }

    /// Returns the policies that providers of one type need. `None`: the type has no policies.
    pub(crate) fn policies(
        of_one_type: &[Self],
        chosen: &ChosenIdentity,
        site: &PodSite,
    ) -> Option<Result<Policies, Problems>> {
        of_one_type.first()?.of.policies(entries(of_one_type), chosen, site)
    }
}

fn entries(providers: &[PlannedProvider]) -> Vec<Probe<Options>> {
    let entry =
        |it: &PlannedProvider| Probe::new(it.name.clone(), it.entry.is_none(), it.options.clone(), it.plan.clone());
    providers.iter().map(entry).collect()
}

impl fmt::Debug for PlannedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlannedProvider")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("plan", &self.plan)
            .field("verify", &self.verify())
            .finish_non_exhaustive()
    }
}
