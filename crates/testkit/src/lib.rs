//! Stand-ins at the wire, on loopback, for tests and the demo.
//!
//! | stand-in | speaks |
//! |---|---|
//! | [`FakeAws`] | `GetAuthorizationToken` of ECR; `GetCallerIdentity`, `AssumeRole` and `AssumeRoleWithWebIdentity` of STS |
//! | [`ContainerCredentials`] | the endpoint from which a container on EKS or ECS has its keys |
//! | [`InstanceMetadata`] | the metadata service of EC2, version 2, as far as it gives keys |
//! | [`SignIn`] | the services that turn a session of `aws sso login` or `aws login` into keys |
//! | [`FakeKube`] | the part of the Kubernetes API that Secrets, `ServiceAccounts`, Namespaces and lists of `CronJobs` and `Templates` need |
//! | [`CheckingProxy`] | HTTP in front of one real registry, which it opens to the right logins only |
//! | [`FaultProxy`] | TCP or TLS in front of one server, whose answers it delays, cuts, resets or replaces |
//! | [`ForwardProxy`] | `CONNECT`, which it leads to one local address whatever host is named, or refuses |
//!
//! They are written from the protocols and know nothing of the code they test. Each listens on a free port of 127.0.0.1
//! and ends when it is dropped; [`FakeAws`] and [`FakeKube`] do without a socket too, on a clock that they are given, so that a test
//! can let months pass. They are no servers for anything else: TLS by a [`FaultProxy`] only, no persistence, no
//! access control beyond what a test asks for. [`policy::judge`] is what an API server of 1.30 makes of a `ValidatingAdmissionPolicy`. [`tls::Authority`] makes the certificates, a [`Recipe`] the objects that a shell script leaves in a cluster.
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
pub mod fault;
pub mod forward;
mod id;
pub mod kube;
mod lock;
mod now;
pub mod policy;
pub mod recipe;
pub mod registry;
mod server;
pub mod tls;

pub use aws::{ContainerCredentials, FakeAws, InstanceMetadata, SignIn};
pub use fault::FaultProxy;
pub use forward::ForwardProxy;
pub use kube::FakeKube;
pub use recipe::Recipe;
pub use registry::CheckingProxy;
