//! Keeps documents as files of this machine.

mod contents;
mod fault;
mod file_store;
mod folder;
mod replace;
mod temporary;

pub use file_store::{FileStore, FileVersion};
#[cfg(feature = "plan")]
pub(crate) use folder::unusable;
