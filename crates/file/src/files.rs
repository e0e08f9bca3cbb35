//! Reads the files of a login in one consistent state.

use std::{
    fs::{self, Metadata},
    path::{Path, PathBuf},
    time::SystemTime,
};

use regcred_core::{Error, Login, Registry, Result, read_file};
use regcred_dockerconfig::{CopiedDocument, logins};

use crate::codes;

/// Attempts at reading files whose writer is at work. They follow each other at once, because a rename takes no time.
const TRIES: u32 = 3;

/// The files that hold logins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginFiles {
    /// A Docker config with `auths`, such as `config.json`, `auth.json` or a mounted `.dockerconfigjson`.
    DockerConfigJson(PathBuf),
    /// The entries of a Docker config without `auths` around them, such as a mounted `.dockercfg`.
    DockerCfg(PathBuf),
    /// A folder with the files `username` and `password`, as Kubernetes mounts a Secret of type
    /// `kubernetes.io/basic-auth`. One line break at the end of each file is ignored.
    BasicAuth(PathBuf),
}

/// Logins, and the time of their latest change.
pub(crate) struct Dated {
    pub(crate) logins: Vec<Login>,
    pub(crate) modified: SystemTime,
}

impl LoginFiles {
    /// Reads the logins of these registries. None: every login. Blocks for disk reads.
    pub(crate) fn read(&self, wanted: &[Registry]) -> Result<Dated> {
        let mut tries = 1;
        let (texts, modified) = loop {
            match self.attempt() {
                Err(_) if tries < TRIES => tries += 1,
                read => break read?,
            }
        };
        let document = match (self, texts.as_slice()) {
            (Self::DockerConfigJson(_), [json]) => CopiedDocument::DockerConfigJson(json),
            (Self::DockerCfg(_), [json]) => CopiedDocument::DockerCfg(json),
            (_, [username, password]) => CopiedDocument::BasicAuth { username, password },
            _ => unreachable!("there is one text for each path"),
        };
        Ok(Dated { logins: logins(document, wanted)?, modified })
    }

    fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::DockerConfigJson(file) | Self::DockerCfg(file) => vec![file.clone()],
            Self::BasicAuth(folder) => ["username", "password"].map(|name| folder.join(name)).into(),
        }
    }

    /// Reads every file once, and the time of the latest change. Fails if a file changes meanwhile. Otherwise the
    /// password could be newer than the user name, or the time newer than the login.
    fn attempt(&self) -> Result<(Vec<Vec<u8>>, SystemTime)> {
        let paths = self.paths();
        let before = stamps(&paths)?;
        let texts = paths.iter().map(|path| content(path)).collect::<Result<Vec<_>>>()?;
        if stamps(&paths)? != before {
            return Err(cannot_read(&codes::CHANGING, &paths[0], "it changes at the same time"));
        }
        Ok((texts, before.iter().map(|it| it.modified).max().unwrap_or(SystemTime::UNIX_EPOCH)))
    }
}

fn content(path: &Path) -> Result<Vec<u8>> {
    let bytes = read_file(path).map_err(|error| {
        // The message of the error names the file too, so only its reason is kept.
        let reason = std::error::Error::source(&error).map_or_else(String::new, ToString::to_string);
        cannot_read(&codes::FILE, path, &reason)
    })?;
    if bytes.trim_ascii().is_empty() {
        return Err(cannot_read(&codes::EMPTY, path, "it is empty"));
    }
    Ok(bytes)
}

/// The state of a file. Kubernetes replaces a mounted file by another one, through a symbolic link.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    size: u64,
    id: (u64, u64),
}

fn stamps(paths: &[PathBuf]) -> Result<Vec<Stamp>> {
    paths.iter().map(|path| stamp(path).map_err(|why| cannot_read(&codes::FILE, path, &why))).collect()
}

fn stamp(path: &Path) -> Result<Stamp, String> {
    let reason = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    let metadata = fs::metadata(path).map_err(reason)?;
    let modified = metadata.modified().map_err(reason)?;
    Ok(Stamp { modified, size: metadata.len(), id: id(&metadata) })
}

#[cfg(unix)]
fn id(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn id(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

fn cannot_read(code: &'static regcred_core::Code, path: &Path, why: &str) -> Error {
    Error::new(code, format!("cannot read {}", path.display())).with_cause(why)
}
