//! Reads the file that proves the identity. The kubelet or another program renews it.

use regcred_core::{Code, Error, Result, SecretString, read_text_file};
use tokio::task::spawn_blocking;

use crate::{
    codes,
    exchange::{Proof, ProofFile},
};

/// Returns the token or the secret. It is empty if the machine itself is the proof.
///
/// Fails with [`ErrorKind::Unreachable`](regcred_core::ErrorKind::Unreachable) for an empty file, because the kubelet
/// is writing it. Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) for a file that does not exist,
/// is not text, or has several lines.
pub(crate) async fn read(proof: &Proof) -> Result<SecretString> {
    match proof {
        Proof::Machine => Ok("".into()),
        Proof::File(file) => {
            let file = file.clone();
            spawn_blocking(move || read_file(&file)).await.expect("reading a file does not panic")
        }
    }
}

fn read_file(ProofFile { key, path, .. }: &ProofFile) -> Result<SecretString> {
    let failed = |code: &'static Code, cause: String| {
        Error::new(code, format!("cannot use the `{key}` {}", path.display())).with_cause(cause)
    };
    let text = read_text_file(path).map_err(|error| failed(&codes::PROOF, error.chain()))?;
    let secret = text.trim();
    if secret.is_empty() {
        Err(failed(&codes::PROOF_EMPTY, "it is empty".into()))
    } else if secret.chars().any(char::is_control) {
        Err(failed(&codes::PROOF, "it has several lines or control characters".into()))
    } else {
        Ok(secret.into())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use regcred_core::ExposeSecret;

    use super::*;

    #[tokio::test]
    async fn a_file_is_read_without_surrounding_whitespace() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("token");
        let proof = Proof::File(ProofFile { key: "token_file", path: path.clone(), audience: None });
        fs::write(&path, " canary\r\n").expect("it can be written");
        assert_eq!(read(&proof).await.expect("a token").expose_secret(), "canary");
        for (text, code, cause) in [
            ("", "RC0581", "it is empty"),
            ("\n", "RC0581", "it is empty"),
            ("canary\ncanary", "RC0580", "several lines"),
            ("canary\0", "RC0580", "control characters"),
        ] {
            fs::write(&path, text).expect("it can be written");
            let error = read(&proof).await.expect_err(cause);
            assert_eq!(error.code().id(), code);
            assert!(error.chain().contains(cause) && !error.chain().contains("canary"), "{error:?}");
        }
        fs::remove_file(&path).expect("it can be removed");
        assert_eq!(read(&proof).await.expect_err("absent").code().id(), "RC0580");
        assert_eq!(read(&Proof::Machine).await.expect("nothing to read").expose_secret(), "");
    }
}
