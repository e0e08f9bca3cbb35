//! The types `file` of a config: one for entries of `providers:`, and one for entries of `sinks:`.

mod provider;
#[cfg(any(target_os = "linux", target_os = "macos"))]
mod sink;

pub use provider::{FileOptions, FileType, LoginFileFormat};
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub use sink::{FileSinkType, FileTarget};
