#![doc = include_str!("../README.md")]

mod alias;
mod config;
mod digest;
mod duration;
mod ecr;
mod environment;
mod fields;
mod file;
mod filter;
mod label;
mod lines;
mod load;
mod merged;
mod namespaces;
mod nearest;
mod openshift;
mod partial;
mod path;
mod problem;
mod provenance;
mod read;
mod region;
mod registries;
mod schedule;
#[cfg(feature = "schema")]
mod schema;
mod secret;
mod selector;
mod spec;
mod target;
mod watch;
mod yaml;

pub use config::Config;
pub use digest::digest;
pub use duration::duration;
pub use ecr::{Access, Account, AliasName, EcrOptions, IdentityName, WebIdentity};
pub use filter::NamespaceFilter;
pub use label::{check_annotation_key, check_key, check_value};
pub use load::{Layers, Overrides};
pub use merged::Setting;
pub use namespaces::{Namespaces, PLATFORM, PLATFORM_PREFIXES, Selection};
pub use nearest::meant;
pub use openshift::OpenShiftOptions;
pub use partial::Partial;
pub use problem::{Problem, Problems};
pub use provenance::Origin;
pub use registries::{Registries, Wants};
pub use schedule::Schedule;
#[cfg(feature = "schema")]
pub use schema::schema;
pub use secret::{AccountLink, LinkName, LoginFormat, Merge, SecretSettings};
pub use selector::{Requirement, Selector};
pub use spec::Spec;
pub use target::TargetEntry;
pub use watch::NamedWatches;
