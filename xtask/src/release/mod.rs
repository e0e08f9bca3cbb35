//! The crates of a release: packages for crates.io, and changes of their public APIs.

mod packages;
mod publish;
mod semver;

pub(crate) use self::{publish::run as publish, semver::run as semver};
