//! Fake servers on loopback, for tests and the demo.
//!
//! | fake server | protocol |
//! |---|---|
//! | [`FakeAws`] | `GetAuthorizationToken` of ECR; `GetCallerIdentity`, `AssumeRole` and `AssumeRoleWithWebIdentity` of STS |
//! | [`ContainerCredentials`] | the endpoint that gives keys to a container on EKS or ECS |
//! | [`InstanceMetadata`] | the EC2 metadata service, version 2, limited to keys |
//! | [`SignIn`] | the services that turn a session of `aws sso login` or `aws login` into keys |
//! | [`FakeExchange`] | the token exchanges of Google, Azure, Quay and JFrog, and RFC 8693 |
//! | [`FakeKube`] | the Kubernetes API for Secrets, `ServiceAccounts`, Namespaces, and lists of `CronJobs` and `Templates` |
//! | [`CheckingProxy`] | HTTP in front of one real registry, for accepted logins only |
//! | [`FaultProxy`] | TCP or TLS in front of one server; it delays, cuts, resets or replaces answers |
//! | [`ForwardProxy`] | `CONNECT`; it sends all hosts to one local address, or refuses |
//!
//! The servers are written from the protocols and share no code with the code under test. Each listens on a free port
//! of 127.0.0.1 and stops when it is dropped. [`FakeAws`] and [`FakeKube`] also work without a socket, on a clock from
//! the test. A test can then simulate months. The servers are for tests only: they persist nothing and enforce only the
//! access control that a test asks for. TLS needs a [`FaultProxy`].
//!
//! [`policy::judge`] evaluates a `ValidatingAdmissionPolicy` as an API server of version 1.30 does. [`tls::Authority`]
//! creates certificates. A [`Recipe`] creates the objects that a shell script leaves in a cluster.
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
pub mod exchange;
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
pub use exchange::FakeExchange;
pub use fault::FaultProxy;
pub use forward::ForwardProxy;
pub use kube::FakeKube;
pub use recipe::Recipe;
pub use registry::CheckingProxy;
