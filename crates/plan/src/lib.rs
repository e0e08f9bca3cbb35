#![doc = include_str!("../README.md")]

pub mod codes;
mod demand;
mod finding;
mod group;
mod identity;
mod links;
mod network;
mod plan;
mod reads;
mod resolve;
mod rights;
mod types;

pub use demand::{Demand, demands};
pub use finding::{Finding, Verdict, first_few};
pub use identity::{pod_identity, policies};
pub use links::{BUILDERS, ServiceAccountLink, usual_accounts};
pub use network::{connection_fix, is_set};
pub use plan::Plan;
/// For implementations of [`ProviderType`] and [`SinkType`].
pub use regcred_core::async_trait;
pub use resolve::{from_yaml, load};
pub use rights::{ACCOUNT_VERBS, READ_VERBS, secret_verbs};
pub use schemars;
pub use types::{
    identity::{
        ChosenIdentity, Identities, IdentityFlag, POD_TOKEN, POD_TOKENS, PodIdentity, PodSite, Policies, SecretFile,
    },
    planned::PlannedProvider,
    provider::{ClusterRead, Inline, NeededFile, Probe, ProviderPlan, ProviderType, Variant},
    registry::Types,
    sink::{Choice, ClusterPlan, NoOptions, Run, SinkPlan, SinkTarget, SinkType, SourceAndSink, fixed_targets},
    verifier::Verifier,
};
