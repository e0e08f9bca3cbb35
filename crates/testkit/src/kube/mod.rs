//! An in-memory Kubernetes API with Namespaces, Secrets, `ServiceAccounts`, `ConfigMaps`, `CronJobs`, `Deployments` and OpenShift's `Templates`.
//!
//! Ownership of fields, preconditions, the life of namespaces and the checks of Secrets are as a real API server has them.
//! Of other kinds there are the names of policies alone. Subresources and access control by role are not here: ask [`FakeKube::deny`] for a refusal.

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
