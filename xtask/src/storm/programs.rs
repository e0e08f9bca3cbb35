//! The programs that a storm runs.

use std::path::PathBuf;

use anyhow::Result;

use crate::{image, process::build};

/// The daemon and the fake servers.
pub(super) struct Programs {
    pub(super) regcred: PathBuf,
    pub(super) servers: PathBuf,
}

impl Programs {
    /// Builds both. The debug build of regcred builds faster than the program of the image.
    pub(super) fn build(debug: bool) -> Result<Self> {
        let regcred = if debug { build("regcred", false)? } else { image::program()? };
        Ok(Self { regcred, servers: build("regcred-fake-servers", false)? })
    }
}
