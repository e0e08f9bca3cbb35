//! Fakes of the AWS services that regcred uses. They cover `GetAuthorizationToken` of ECR, identities and roles of STS,
//! and the credential sources of machines and containers.

mod answer;
mod assume;
mod call;
mod caller;
mod container;
pub(crate) mod ecr;
mod fake;
mod form;
mod keys;
mod metadata;
mod refusal;
mod region;
mod scope;
mod serve;
mod sign_in;
mod state;
mod sts;
#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use call::{Call, Issued};
pub use caller::Session;
pub use container::ContainerCredentials;
pub use fake::FakeAws;
pub use keys::Keys;
pub use metadata::InstanceMetadata;
pub use sign_in::SignIn;
