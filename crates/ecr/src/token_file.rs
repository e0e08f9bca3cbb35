//! Files with the token of a web identity or of a container, which the kubelet renews.

use std::path::Path;

use regcred_core::{Error, ErrorKind, Result, read_text_file};
use tokio::task::spawn_blocking;

/// Fails unless the file holds text. A file that is empty or gone for a moment is read once more.
///
/// [`ErrorKind::Unreachable`] for an empty file, which the kubelet is writing. [`ErrorKind::Invalid`] for one that is not there or
/// is not text.
pub(crate) async fn check(file: &Path) -> Result<()> {
    if read(file).await.is_ok() { Ok(()) } else { read(file).await }
}

async fn read(file: &Path) -> Result<()> {
    let file = file.to_path_buf();
    let read = spawn_blocking(move || {
        let place = file.display();
        let failed = |kind, how: &str| Error::new(kind, format!("the token file of the AWS identity, {place}, {how}"));
        if !file.try_exists().unwrap_or(true) {
            return Err(failed(ErrorKind::Invalid, "is not there"));
        }
        match read_text_file(&file) {
            Ok(text) if text.trim().is_empty() => Err(failed(ErrorKind::Unreachable, "is empty")),
            Ok(_) => Ok(()),
            Err(error) => Err(failed(ErrorKind::Invalid, "is not usable").with_cause(error.chain())),
        }
    });
    read.await.expect("reading a file does not panic")
}
