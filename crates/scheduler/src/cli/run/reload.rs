//! Whether the config's files are others than before: a mounted ConfigMap is swapped, and nobody says so.

use std::{path::PathBuf, time::Duration};

use regcred_config::digest;
use regcred_core::read_text_file;
use tokio::time::sleep;

/// The kubelet itself takes about a minute to bring a new ConfigMap into a pod.
const EVERY: Duration = Duration::from_secs(10);

pub(super) struct Reload {
    files: Vec<PathBuf>,
    last: u64,
}

impl Reload {
    pub(super) fn of(files: &[PathBuf]) -> Self {
        let files = files.to_vec();
        Self { last: sum(&files), files }
    }

    /// Waits until they are. May be dropped at its await.
    pub(super) async fn changed(&mut self) {
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

/// Of all of their texts; a file that cannot be read for a moment is empty.
fn sum(files: &[PathBuf]) -> u64 {
    let texts = files.iter().map(|file| read_text_file(file).unwrap_or_default());
    digest(&texts.collect::<Vec<_>>().join("\0"))
}
