#![doc = include_str!("../README.md")]

pub mod codes;
mod files;
#[cfg(feature = "plan")]
mod kind;
mod provider;
#[cfg(any(target_os = "linux", target_os = "macos"))]
mod store;

pub use files::LoginFiles;
#[cfg(feature = "plan")]
pub use kind::{FileOptions, FileType, LoginFileFormat};
#[cfg(all(any(target_os = "linux", target_os = "macos"), feature = "plan"))]
pub use kind::{FileSinkType, FileTarget};
pub use provider::FileProvider;
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub use store::{FileStore, FileVersion};
