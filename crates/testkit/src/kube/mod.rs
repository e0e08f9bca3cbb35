//! An in-memory Kubernetes API with Namespaces, Secrets, `ServiceAccounts`, `ConfigMaps`, `CronJobs`, `Deployments` and
//! OpenShift's `Templates`.
//!
//! Field ownership, preconditions, namespace termination and the validation of Secrets work as in a real API server.
//! Admission policies are only listed. Subresources and role-based access control are not supported. Use
//! [`FakeKube::deny`] to refuse requests.

mod access;
mod admission;
mod apply;
mod asked;
mod failure;
mod fake;
mod faults;
mod fields;
mod follow;
mod kind;
mod list;
mod managed;
mod patch;
mod path;
mod record;
mod serve;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod tree;
mod validate;
mod view;
mod write;

pub use fake::FakeKube;
pub use record::Request;
