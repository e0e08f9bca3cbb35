//! The reason why a file is not read or written.

use std::path::Path;

use regcred_core::{Code, Error, ErrorKind};
use rustix::io::Errno;

use crate::codes;

/// Why a call failed. It has no content of a file.
#[derive(Debug)]
pub(super) enum Fault {
    Code(&'static Code, String),
    /// The file has changed since it was read.
    Conflict,
}

impl Fault {
    pub(super) fn new(code: &'static Code, cause: impl Into<String>) -> Self {
        Self::Code(code, cause.into())
    }

    pub(super) fn into_error(self, verb: &str, path: &Path) -> Error {
        let what = format!("cannot {verb} {}", path.display());
        match self {
            Self::Code(code, cause) => Error::new(code, what).with_cause(cause),
            Self::Conflict => Error::new(ErrorKind::Conflict, what).with_cause("another program has changed it"),
        }
    }
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::LOOP => Self::new(&codes::LINK, "it is a symbolic link"),
            Errno::BUSY => Self::new(&codes::MOUNT, "it is a mount point"),
            Errno::NOSPC | Errno::DQUOT => Self::new(&codes::WRITE, "no space is left"),
            Errno::ROFS => Self::new(&codes::WRITE, "the file system is read-only"),
            Errno::ACCESS | Errno::PERM => Self::new(&codes::WRITE, "permission denied"),
            Errno::NOTDIR => Self::new(&codes::PATH, "a part of the path is not a folder"),
            Errno::NAMETOOLONG => Self::new(&codes::PATH, "the name is too long"),
            errno => Self::new(&codes::WRITE, std::io::Error::from(errno).to_string()),
        }
    }
}
