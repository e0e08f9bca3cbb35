//! ECR's `GetAuthorizationToken`, what STS has for identities and roles, and the places where a machine or container has
//! its keys from, as AWS answers them.

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
