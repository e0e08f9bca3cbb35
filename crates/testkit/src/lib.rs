//! Stand-ins at the wire, on loopback, for tests and the demo.
//!
//! | stand-in | speaks |
//! |---|---|
//! | [`FakeAws`] | `GetAuthorizationToken` of ECR and `GetCallerIdentity` of STS |
//! | [`FakeKube`] | the part of the Kubernetes API that Secrets, `ServiceAccounts` and Namespaces need |
//! | [`CheckingProxy`] | HTTP in front of one real registry, which it opens to the right logins only |
//!
//! They are written from the protocols and know nothing of the code they test. Each listens on a free port of 127.0.0.1
//! and ends when it is dropped. They are no servers for anything else: no TLS, no persistence, no access control beyond
//! what a test asks for.
//!
//! ```
//! use regcred_testkit::FakeKube;
//!
//! # #[tokio::main]
//! # async fn main() {
//! let cluster = FakeKube::start().await;
//! cluster.add_namespace("team-a", &["default", "builder"]);
//! assert!(cluster.object("serviceaccounts", "team-a", "builder").is_some());
//! assert!(cluster.kubeconfig().contains(&cluster.url()));
//! # }
//! ```

pub mod aws;
#[cfg(test)]
mod client;
mod id;
pub mod kube;
mod lock;
mod now;
pub mod registry;
mod server;

pub use aws::FakeAws;
pub use kube::FakeKube;
pub use registry::CheckingProxy;
