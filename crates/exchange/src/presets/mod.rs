//! The presets: one file for each vendor, which fills in an exchange from its options.

mod azure;
mod azure_cloud;
mod azure_identity;
mod google;
mod google_identity;
mod jfrog;
mod oidc;
mod preset;
mod quay;

pub use self::{
    azure::Azure,
    azure_cloud::AzureCloud,
    google::Google,
    jfrog::Jfrog,
    oidc::{BodyFormat, Expiry, Oidc},
    preset::{IdentityName, Preset},
    quay::Quay,
};
