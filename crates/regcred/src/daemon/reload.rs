//! Detects changes of the config files. Kubernetes replaces a mounted ConfigMap without a signal, so the files are
//! polled.

use std::{path::PathBuf, time::Duration};

use regcred_config::digest;
use regcred_core::read_text_file;
use tokio::time::sleep;

/// The kubelet needs about a minute to mount a new ConfigMap, so ten more seconds do not matter.
const EVERY: Duration = Duration::from_secs(10);

pub(crate) struct Reload {
    files: Vec<PathBuf>,
    last: u64,
}

impl Reload {
    pub(crate) fn of(files: &[PathBuf]) -> Self {
        let files = files.to_vec();
        Self { last: sum(&files), files }
    }

    /// Waits until a file changes. Safe to cancel.
    pub(crate) async fn changed(&mut self) {
        loop {
            sleep(EVERY).await;
            let sum = sum(&self.files);
            if sum != self.last {
                self.last = sum;
                return;
            }
        }
    }
}

/// Returns a digest of all files. A file that cannot be read counts as empty.
fn sum(files: &[PathBuf]) -> u64 {
    let texts = files.iter().map(|file| read_text_file(file).unwrap_or_default());
    digest(&texts.collect::<Vec<_>>().join("\0"))
}
