//! The store of files.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use regcred_core::{
    Address, ExposeSecret, Result, SecretBytes, async_trait,
    document::{Document, DocumentStore},
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};

use super::{
    contents::Digest,
    fault::Fault,
    folder::Folder,
    replace::{delete, recover, replace},
    temporary::Temporary,
};
use crate::codes;

/// The longest time of a call. It is longer than the wait for a lock.
const DEADLINE: Duration = Duration::from_secs(10);
/// The longest wait for another regcred that writes into the same folder.
const LOCK: Duration = Duration::from_secs(2);
const LOCK_INTERVAL: Duration = Duration::from_millis(5);

/// Keeps each document as a regular file. The name of an address is its absolute path.
///
/// A write replaces the file in one step and reaches the disk before the call returns. A process that is killed at any
/// moment leaves either the old or the new file. The next call removes what else it left.
///
/// - If another program renames a new file over it at the same time, as `docker login` does, the new file stays. The
///   call then fails as [`Conflict`](regcred_core::ErrorKind::Conflict).
/// - The file and its folder must belong to the user of the process. The folder may also belong to root.
/// - A symbolic link is not followed. Folders of the path may be links.
/// - The new file has the group and the `SELinux` context of the old one, as far as the user may set them.
#[derive(Clone, Copy, Debug)]
pub struct FileStore {
    mode: u32,
}

/// The version of a file: a digest of its contents.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FileVersion(Digest);

impl Default for FileStore {
    fn default() -> Self {
        Self { mode: 0o600 }
    }
}

impl FileStore {
    /// Sets the permissions of each file that is written. Default: `0o600`, so only its owner can read it.
    #[must_use]
    pub fn with_mode(self, mode: u32) -> Self {
        Self { mode }
    }
}

/// A call for one file.
struct Call {
    folder: Arc<Folder>,
}

impl Call {
    /// Opens the folder of the file.
    async fn open(path: PathBuf) -> Result<Self, Fault> {
        let folder = spawn_blocking(move || Folder::of(&path)).await.expect("it does not panic")?;
        Ok(Self { folder: Arc::new(folder) })
    }

    /// Waits for the lock, and finishes what a killed process began.
    ///
    /// Any user who can read the folder can lock it for ever. After a while, the call does not wait any longer. Without
    /// it, two processes of regcred can only make each other fail as a conflict.
    async fn lock(&self) -> Result<(), Fault> {
        let deadline = Instant::now() + LOCK;
        while !self.folder.try_lock()? && Instant::now() < deadline {
            sleep(LOCK_INTERVAL).await;
        }
        self.run(recover).await
    }

    /// Runs blocking work. Dropping the call does not interrupt the work.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let folder = self.folder.clone();
        spawn_blocking(move || work(&folder)).await.expect("it does not panic")
    }
}

/// Runs a call under the deadline.
async fn call<T, F: Future<Output = Result<T, Fault>>>(
    verb: &str,
    address: &Address,
    work: impl FnOnce(PathBuf) -> F,
) -> Result<T> {
    let path = PathBuf::from(address.name());
    let done = timeout(DEADLINE, work(path.clone())).await.unwrap_or_else(|_| {
        let late = format!("its file system did not answer within {} s", DEADLINE.as_secs());
        Err(Fault::new(&codes::BUSY, late))
    });
    done.map_err(|fault| fault.into_error(verb, &path))
}

#[async_trait]
impl DocumentStore for FileStore {
    type Version = FileVersion;

    async fn load(&self, address: &Address) -> Result<Option<Document<FileVersion>>> {
        let read = async |path| {
            let call = Call::open(path).await?;
            if call.run(|folder| Ok(!Temporary::left_in(folder)?.is_empty())).await? {
                call.lock().await?;
            }
            call.run(|folder| folder.read(&folder.name)).await
        };
        let contents = call("read", address, read).await?;
        Ok(contents.map(|it| Document::new(it.bytes.expose_secret(), FileVersion(it.digest))))
    }

    async fn store(&self, address: &Address, content: SecretBytes, expected: Option<&FileVersion>) -> Result<()> {
        let (mode, expected) = (self.mode, expected.copied());
        let write = async |path| {
            let call = Call::open(path).await?;
            call.lock().await?;
            let write = move |folder: &Folder| {
                let now = folder.read(&folder.name)?;
                if now.as_ref().map(|it| FileVersion(it.digest)) != expected {
                    return Err(Fault::Conflict);
                }
                replace(folder, &content, mode, now.as_ref())
            };
            call.run(write).await
        };
        call("write", address, write).await
    }

    async fn delete(&self, address: &Address, expected: &FileVersion) -> Result<()> {
        let expected = *expected;
        let write = async |path| {
            let call = Call::open(path).await?;
            call.lock().await?;
            let write = move |folder: &Folder| match folder.read(&folder.name)? {
                Some(now) if FileVersion(now.digest) == expected => delete(folder, &now),
                _ => Err(Fault::Conflict),
            };
            call.run(write).await
        };
        call("write", address, write).await
    }
}

impl fmt::Debug for FileVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FileVersion").field(&self.0.short()).finish()
    }
}
