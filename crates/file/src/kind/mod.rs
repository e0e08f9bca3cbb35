//! The types `file` of a config: one for entries of `providers:`, and one for entries of `sinks:`.

mod provider;
#[cfg(unix)]
mod sink;

pub use provider::{FileOptions, FileType, LoginFileFormat};
#[cfg(unix)]
pub use sink::{FileSinkType, FileTarget};
