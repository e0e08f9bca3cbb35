//! Files with the token of a web identity or of a container. The kubelet renews them.

use std::path::Path;

use regcred_core::{Code, Error, Result};
use tokio::task::spawn_blocking;

use crate::{codes, environment::Environment};

/// Reads the token. If the file is empty or missing, the function retries once, immediately.
///
/// Fails with [`ErrorKind::Unreachable`](regcred_core::ErrorKind::Unreachable) for an empty file, because the kubelet
/// is writing it. Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) for a file that does not exist or
/// is not text.
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
        let failed = |code: &'static Code, how: &str| {
            Error::new(code, format!("the token file of the AWS identity, {place}, {how}"))
        };
        match environment.read_text(&file) {
            Ok(None) => Err(failed(&codes::TOKEN_FILE, "is not there")),
            Ok(Some(text)) if text.trim().is_empty() => Err(failed(&codes::TOKEN_FILE_EMPTY, "is empty")),
            Ok(Some(text)) => Ok(text.trim().to_owned()),
            Err(error) => Err(failed(&codes::TOKEN_FILE, "is not usable").with_cause(error.chain())),
        }
    });
    read.await.expect("reading a file does not panic")
}
