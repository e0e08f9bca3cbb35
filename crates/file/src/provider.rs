//! The provider that copies logins from files.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use regcred_core::{Clock, Issuer, Registry, RegistryCredential, RegistryProvider, Result, Scope, Validity};
use regcred_dockerconfig::{LastCopy, issuer};
use tokio::{task::spawn_blocking, time::sleep};

use crate::files::{Dated, LoginFiles};

/// The time between two reads of the files. A new login is used within seconds, and a read of a small file costs little.
const POLL: Duration = Duration::from_secs(5);

/// Copies logins from files.
///
/// A credential has no end. Its issue time is the modification time of the file, or the present time if the file was
/// modified in the future. [`changed`](RegistryProvider::changed) reads the files at an interval and compares the
/// logins, so a file that is only touched is not a change.
#[derive(Debug)]
pub struct FileProvider {
    files: LoginFiles,
    /// Empty: every registry of the file.
    registries: Vec<Registry>,
    clock: Arc<dyn Clock>,
    poll_interval: Duration,
    last: LastCopy,
}

impl FileProvider {
    /// Creates a provider for the logins of these registries. None: every registry of the file. A user name and a
    /// password need at least one. It reads no file yet.
    pub fn new(files: LoginFiles, registries: impl IntoIterator<Item = Registry>, clock: Arc<dyn Clock>) -> Self {
        let registries = registries.into_iter().collect();
        Self { files, registries, clock, poll_interval: POLL, last: LastCopy::default() }
    }

    /// Sets the time between two reads of the files, in tokio's time. Default: 5 s.
    #[must_use]
    pub fn with_poll_interval(self, poll_interval: Duration) -> Self {
        Self { poll_interval, ..self }
    }

    async fn copy(&self) -> Result<RegistryCredential> {
        let (files, registries) = (self.files.clone(), self.registries.clone());
        let read = spawn_blocking(move || files.read(&registries)).await;
        let Dated { logins, modified } = read.expect("reading a file does not panic")?;
        let validity = Validity::new(modified.min(self.clock.now()), None)?;
        RegistryCredential::new(logins.clone(), validity.with_issuer(Some(issuer(&logins))))
    }
}

#[async_trait]
impl RegistryProvider for FileProvider {
    async fn credential(&self) -> Result<RegistryCredential> {
        let copied = self.copy().await;
        self.last.record(&copied);
        copied
    }

    fn scope(&self) -> Scope {
        if self.registries.is_empty() { Scope::Unknown } else { Scope::Exact(self.registries.clone()) }
    }

    /// The files are read as a whole, because the metadata can be equal after two writes within one tick of the clock.
    async fn changed(&self) {
        while !self.last.is_changed(&self.copy().await) {
            sleep(self.poll_interval).await;
        }
    }

    async fn issuer(&self) -> Option<Issuer> {
        self.last.ask();
        self.last.answer(&self.copy().await)
    }
}
