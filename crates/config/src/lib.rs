#![doc = include_str!("../README.md")]

// Each module uses only those above it.

mod names;

mod yaml;

mod value;

mod schedule;

mod model;

mod read;

mod load;

mod config;

pub use config::Config;
pub use load::layers::{Layers, Overrides};
#[cfg(feature = "schema")]
pub use model::schema::{TypeSchemas, schema};
pub use model::{
    ecr::{Access, Account, AliasName, EcrOptions, IdentityName, WebIdentity},
    merged::Setting,
    namespaces::{Namespaces, PLATFORM, PLATFORM_PREFIXES, Selection},
    openshift::{CLUSTERS, OpenShiftOptions},
    secret::{AccountLink, LinkName, LoginFormat, Merge, SecretSettings},
    spec::Spec,
    target::TargetEntry,
    wants::{Registries, Wants},
    watch::NamedWatches,
};
pub use names::{
    duration::duration,
    filter::NamespaceFilter,
    label::{check_annotation_key, check_key, check_value},
    nearest::meant,
    selector::{Requirement, Selector},
    word::not_one_of,
};
pub use schedule::Schedule;
pub use value::{
    digest::digest,
    partial::Partial,
    problem::{Problem, Problems},
    provenance::Origin,
};
