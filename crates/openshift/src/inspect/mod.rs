//! Reads objects of other tools, for the migration from those tools. Nothing here writes.

mod objects;
mod secret;

pub use self::{
    objects::Objects,
    secret::{bare, data_managers, hidden_after_merge, instance, managers, merged_by, obstacle},
};
