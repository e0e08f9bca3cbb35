#![doc = include_str!("../README.md")]

pub mod codes;
mod files;
#[cfg(feature = "plan")]
mod kind;
mod provider;

pub use files::LoginFiles;
#[cfg(feature = "plan")]
pub use kind::{FileOptions, FileType, LoginFileFormat};
pub use provider::FileProvider;
