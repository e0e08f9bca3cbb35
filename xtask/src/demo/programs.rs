//! The programs of a demo.

use std::path::PathBuf;

use anyhow::Result;

use crate::process::build;

pub(super) struct Programs {
    pub(super) regcred: PathBuf,
    pub(super) servers: PathBuf,
}

impl Programs {
    pub(super) fn build() -> Result<Self> {
        Ok(Self { regcred: build("regcred", false)?, servers: build("regcred-fake-servers", false)? })
    }
}
