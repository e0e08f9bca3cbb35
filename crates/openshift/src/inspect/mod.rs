//! Reads objects of other tools, to migrate from those tools. This module never writes.

mod objects;
mod secret;

pub use self::{
    objects::Objects,
    secret::{data_managers, hidden_after_merge, instance, merged_by, obstacle},
};
pub use crate::fields::entries as managers;
