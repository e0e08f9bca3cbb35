#![doc = include_str!("../README.md")]

mod alerts;
mod cel;
mod check;
mod cronjob;
mod daemon;
mod dashboard;
mod expand;
mod guard;
mod identity;
mod install;
mod leftover;
mod need;
mod object;
mod pod;
mod profile;
mod rights;
mod template;
mod write;
mod yaml;

pub use check::check;
pub use dashboard::dashboard;
pub use expand::{Expanded, expand};
pub use identity::AUDIENCE;
pub use install::{Guard, Identity, Install, MONITORING, Mode, Mount, Proxy, TrustedCa, Workload};
pub use template::project_template;
pub use write::{Manifests, first_run, manifests};
pub use yaml::{read, yaml};
