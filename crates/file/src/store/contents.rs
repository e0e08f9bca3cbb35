//! The contents of a file, and the attributes that a new file takes over from it.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, OwnedFd},
};

use regcred_core::{ExposeSecret, SecretBytes};
use rustix::{
    fs::{FileType, Gid, fchown, fgetxattr, fsetxattr, fstat},
    io::Errno,
    process::geteuid,
};
use sha2::{Digest as _, Sha256};

use super::fault::Fault;
use crate::codes;

/// As for files that are copied.
const LARGEST: u64 = 4 * 1024 * 1024;
/// The extended attribute with the `SELinux` context, such as `system_u:object_r:container_file_t:s0`.
const CONTEXT: &str = "security.selinux";

/// A digest of contents. It does not reveal them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Returns 16 hexadecimal digits.
    pub(super) fn short(&self) -> String {
        let number = self.0[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        format!("{number:016x}")
    }
}

/// A file that was read.
pub(super) struct Contents {
    pub(super) bytes: SecretBytes,
    pub(super) digest: Digest,
    group: Gid,
    context: Option<Vec<u8>>,
}

impl Contents {
    /// Reads a regular file of this user.
    pub(super) fn read(file: OwnedFd) -> Result<Self, Fault> {
        let stat = fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Fault::new(&codes::PATH, "it is not a regular file"));
        }
        let (owner, user) = (stat.st_uid, geteuid().as_raw());
        if owner != user {
            return Err(Fault::new(&codes::OWNER, format!("it belongs to user {owner}, and regcred is user {user}")));
        }
        let context = context(&file);
        let bytes = read_all(file)?;
        let digest = Digest::of(&bytes);
        Ok(Self { bytes: bytes.into(), digest, group: Gid::from_raw(stat.st_gid), context })
    }

    /// Gives a new file the group and the `SELinux` context of this one. A context that the user may not set is left out:
    /// the file then has that of its folder. `mode`: of the new file, which needs the group only if the group can read it.
    pub(super) fn attributes_to(&self, new: impl AsFd, mode: u32) -> Result<(), Fault> {
        if fstat(&new)?.st_gid != self.group.as_raw() {
            match fchown(&new, None, Some(self.group)) {
                Err(Errno::PERM) if mode & 0o070 == 0 => {}
                Err(Errno::PERM) => return Err(Fault::new(&codes::OWNER, "its group cannot be kept")),
                changed => changed?,
            }
        }
        if let Some(old) = self.context.as_ref().filter(|old| context(&new).as_ref() != Some(*old)) {
            let _ = fsetxattr(&new, CONTEXT, old, rustix::fs::XattrFlags::empty());
        }
        Ok(())
    }

    pub(super) fn is(&self, bytes: &SecretBytes) -> bool {
        self.bytes.expose_secret() == bytes.expose_secret()
    }
}

/// `None`: the file has none, or the file system has no attributes.
fn context(file: impl AsFd) -> Option<Vec<u8>> {
    let mut buffer = [0; 256];
    let length = fgetxattr(file, CONTEXT, &mut buffer).ok()?;
    Some(buffer[..length].to_vec())
}

fn read_all(file: OwnedFd) -> Result<Vec<u8>, Fault> {
    let mut bytes = vec![];
    let read = File::from(file).take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error: io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Fault::new(&codes::PATH, "it is larger than 4 MiB"));
    }
    Ok(bytes)
}
