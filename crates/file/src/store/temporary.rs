//! The file beside a target that holds its new contents, and after the exchange its old ones.
//!
//! Its name has the digests of both. So the next call can finish the work of a process that was killed.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Write},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
};

use regcred_core::{ExposeSecret, SecretBytes};
use rustix::{
    fs::{Dir, Mode, OFlags, fchmod, openat},
    io::Errno,
};

use super::{
    contents::{Contents, Digest},
    fault::Fault,
    folder::Folder,
};

/// The digest of contents that do not exist.
const NONE: &str = "none";

/// The name of a temporary file.
pub(super) struct Temporary {
    pub(super) name: OsString,
    /// The digest of the contents that it replaces, in short.
    pub(super) old: String,
    /// The digest of the contents that it was created with, in short.
    pub(super) new: String,
}

impl Temporary {
    /// Writes a new temporary file to the disk. `old`: the contents that it replaces.
    pub(super) fn write(
        folder: &Folder,
        bytes: &SecretBytes,
        mode: u32,
        old: Option<&Contents>,
    ) -> Result<Self, Fault> {
        let this = Self::named(folder, old.map(|it| it.digest), Some(Digest::of(bytes.expose_secret())));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&folder.fd, &this.name, flags, Mode::RUSR | Mode::WUSR)?;
        match fill(file, bytes, mode, old) {
            Ok(()) => Ok(this),
            Err(fault) => {
                folder.unlink(&this.name)?;
                Err(fault)
            }
        }
    }

    /// Returns the name for a file that is about to be deleted.
    pub(super) fn for_deletion(folder: &Folder, old: &Contents) -> Self {
        Self::named(folder, Some(old.digest), None)
    }

    fn named(folder: &Folder, old: Option<Digest>, new: Option<Digest>) -> Self {
        let (old, new) = (digest(old), digest(new));
        let mut name = prefix(folder);
        name.push(format!("{old}-{new}"));
        Self { name, old, new }
    }

    /// Returns whether the file is to be deleted, and not to be replaced.
    pub(super) fn deletes(&self) -> bool {
        self.new == NONE
    }

    /// Returns the temporary files of a target that a killed process left.
    pub(super) fn left_in(folder: &Folder) -> Result<Vec<Self>, Fault> {
        let (mut left, prefix) = (vec![], prefix(folder));
        for entry in Dir::read_from(&folder.fd)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            let Some(digests) = name.strip_prefix(prefix.as_bytes()) else { continue };
            let digests = str::from_utf8(digests).ok().and_then(|it| it.split_once('-'));
            let Some((old, new)) = digests.filter(|(old, new)| is_digest(old) && is_digest(new)) else { continue };
            let name = OsString::from(std::ffi::OsStr::from_bytes(name));
            left.push(Self { name, old: old.into(), new: new.into() });
        }
        Ok(left)
    }
}

/// Returns a digest in short. `None`: the contents do not exist.
pub(super) fn digest(digest: Option<Digest>) -> String {
    digest.map_or_else(|| NONE.to_owned(), |it| it.short())
}

fn is_digest(text: &str) -> bool {
    text == NONE || (text.len() == 16 && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f')))
}

fn prefix(folder: &Folder) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(&folder.name);
    prefix.push(".regcred-");
    prefix
}

fn fill(file: OwnedFd, bytes: &SecretBytes, mode: u32, old: Option<&Contents>) -> Result<(), Fault> {
    if let Some(old) = old {
        old.attributes_to(&file, mode)?;
    }
    let mut file = File::from(file);
    let written = file.write_all(bytes.expose_secret()).and_then(|()| file.sync_all());
    written.map_err(|error: io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    // Others can read the file only when it is complete.
    Ok(fchmod(&file, Mode::from_bits_truncate(mode as _))?)
}
