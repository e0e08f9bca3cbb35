//! Files with the token of a web identity or of a container. The kubelet renews them.

use std::{error::Error as _, path::Path};

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
        let failed = |code: &'static Code, cause: &str| {
            Error::new(code, format!("cannot use the token file of the AWS identity, {place}")).with_cause(cause)
        };
        match environment.read_text(&file) {
            Ok(None) => Err(failed(&codes::TOKEN_FILE, "it does not exist")),
            Ok(Some(text)) if text.trim().is_empty() => Err(failed(&codes::TOKEN_FILE_EMPTY, "it is empty")),
            Ok(Some(text)) => Ok(text.trim().to_owned()),
            Err(error) => {
                // The message of the error names the file again.
                let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                Err(failed(&codes::TOKEN_FILE, &cause))
            }
        }
    });
    read.await.expect("reading a file does not panic")
}
