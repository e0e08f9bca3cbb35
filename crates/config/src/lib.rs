#![doc = include_str!("../README.md")]

// Each module uses only those above it.

pub mod codes;

mod names;

mod yaml;

mod grammar;

mod value;

mod schedule;

mod model;

mod read;

mod load;

mod config;

pub use config::{Checked, Config};
pub use grammar::{COMMON_KEYS, Grammar, Hint, Keys, TypeGrammar, keys};
pub use load::layers::{Layers, Overrides};
#[cfg(feature = "schema")]
pub use model::schema::{TypeSchemas, schema};
pub use model::{
    access::Access,
    merged::Setting,
    namespaces::{Namespaces, PLATFORM, PLATFORM_PREFIXES, Selection},
    secret::{AccountLink, LinkName, LoginFormat, Merge, SecretSettings},
    spec::Spec,
    target::TargetEntry,
    verify::Verify,
    wants::Wants,
    watch::NamedWatches,
};
pub use names::{
    duration::duration,
    filter::NamespaceFilter,
    label::{check_annotation_key, check_key, check_value},
    nearest::{meant, nearest},
    parsed::{maybe_parsed, parsed, registries},
    path::{maybe_path, path},
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
