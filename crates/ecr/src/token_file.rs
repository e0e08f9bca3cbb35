//! Files with the token of a web identity or of a container. The kubelet renews them.

use std::path::Path;

use regcred_core::{Error, ErrorKind, Result};
use tokio::task::spawn_blocking;

use crate::environment::Environment;

/// Reads the token. If the file is empty or missing, the function retries once, immediately.
///
/// Fails with [`ErrorKind::Unreachable`] for an empty file, because the kubelet is writing it. Fails with
/// [`ErrorKind::Invalid`] for a file that does not exist or is not text.
pub(crate) async fn token(file: &Path, environment: &Environment) -> Result<String> {
    match read(file, environment).await {
        Ok(token) => Ok(token),
        Err(_) => read(file, environment).await,
    }
}

async fn read(file: &Path, environment: &Environment) -> Result<String> {
    let (file, environment) = (file.to_path_buf(), environment.clone());
    let read = spawn_blocking(move || {
        let place = file.display();
        let failed = |kind, how: &str| Error::new(kind, format!("the token file of the AWS identity, {place}, {how}"));
        match environment.read_text(&file) {
            Ok(None) => Err(failed(ErrorKind::Invalid, "is not there")),
            Ok(Some(text)) if text.trim().is_empty() => Err(failed(ErrorKind::Unreachable, "is empty")),
            Ok(Some(text)) => Ok(text.trim().to_owned()),
            Err(error) => Err(failed(ErrorKind::Invalid, "is not usable").with_cause(error.chain())),
        }
    });
    read.await.expect("reading a file does not panic")
}
