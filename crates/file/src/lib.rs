#![doc = include_str!("../README.md")]

pub mod codes;
mod files;
#[cfg(feature = "plan")]
mod kind;
mod provider;
#[cfg(unix)]
mod store;

pub use files::LoginFiles;
#[cfg(feature = "plan")]
pub use kind::{FileOptions, FileType, LoginFileFormat};
#[cfg(all(unix, feature = "plan"))]
pub use kind::{FileSinkType, FileTarget};
pub use provider::FileProvider;
#[cfg(unix)]
pub use store::{FileStore, FileVersion};
