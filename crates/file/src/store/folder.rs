//! The folder of a file. Every call names the file within the open folder, so another process cannot exchange the folder.

use std::{
    ffi::OsString,
    os::fd::OwnedFd,
    path::{Component, Path},
};

use rustix::{
    fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, flock, fstat, fsync, openat, unlinkat},
    io::Errno,
    process::geteuid,
};

use super::{contents::Contents, fault::Fault};
use crate::codes;

/// An open folder, and the name of a file in it.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) fd: OwnedFd,
    pub(super) name: OsString,
}

/// Returns why no file can be written at a path. It does not read the disk.
pub(crate) fn unusable(path: &Path) -> Option<&'static str> {
    let is_plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    if !path.is_absolute() {
        Some("it is not an absolute path")
    } else if !path.components().all(is_plain) || path.file_name().is_none() {
        Some("it must name a file, without `..`")
    } else if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        Some("it names a folder: add the name of the file")
    } else {
        None
    }
}

impl Folder {
    /// Opens the folder of a file, and checks that no other user controls it.
    pub(super) fn of(path: &Path) -> Result<Self, Fault> {
        if let Some(why) = unusable(path) {
            return Err(Fault::new(&codes::PATH, why));
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { unreachable!("it was checked") };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat(CWD, parent, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT => Fault::new(&codes::PATH, "its folder does not exist"),
            errno => errno.into(),
        })?;
        let (stat, user) = (fstat(&fd)?, geteuid().as_raw());
        if stat.st_uid != user && stat.st_uid != 0 {
            let owner = stat.st_uid;
            return Err(Fault::new(
                &codes::OWNER,
                format!("its folder belongs to user {owner}, and regcred is user {user}"),
            ));
        }
        // In a folder with the sticky bit, other users cannot replace the file.
        if stat.st_mode & 0o002 != 0 && stat.st_mode & 0o1000 == 0 {
            return Err(Fault::new(&codes::OWNER, "every user can write into its folder"));
        }
        Ok(Self { fd, name: name.to_owned() })
    }

    /// Locks the folder against other processes of regcred. The lock ends with the folder. Returns whether it succeeded.
    pub(super) fn try_lock(&self) -> Result<bool, Fault> {
        match flock(&self.fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Reads a file of the folder. `None`: it does not exist.
    pub(super) fn read(&self, name: &OsString) -> Result<Option<Contents>, Fault> {
        match self.open(name) {
            Ok(file) => Contents::read(file).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Deletes a file of the folder. An absent file is not an error.
    pub(super) fn unlink(&self, name: &OsString) -> Result<(), Fault> {
        match unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Waits until a file is on the disk. Another program may have written it without waiting.
    pub(super) fn sync_file(&self, name: &OsString) -> Result<(), Fault> {
        Ok(fsync(self.open(name)?)?)
    }

    fn open(&self, name: &OsString) -> Result<OwnedFd, Errno> {
        // A pipe without a writer must not block.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        openat(&self.fd, name, flags, Mode::empty())
    }

    /// Waits until the names of the folder are on the disk.
    pub(super) fn sync(&self) -> Result<(), Fault> {
        Ok(fsync(&self.fd)?)
    }
}
