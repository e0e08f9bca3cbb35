//! The shared configuration files of AWS, checked before the SDK reads them.

use std::{
    env, fmt,
    path::{Path, PathBuf},
};

use regcred_core::{Error, Result, read_text_file};
use tokio::task::spawn_blocking;

/// The variables that name the two files, and where they are below the home folder if the variable is not set.
const FILES: [(&str, &str); 2] =
    [("AWS_CONFIG_FILE", ".aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")];

/// A shared configuration file exists and cannot be read as text.
#[derive(Clone, Debug)]
pub(crate) struct UnreadableFile(pub(crate) Error);

/// Fails if one of the files exists and is not a regular UTF-8 file of a sane size.
///
/// The SDK would read such a file as empty, and use another identity than the one that the file is for.
pub(crate) async fn check() -> Result<(), UnreadableFile> {
    let check = || paths().iter().try_for_each(|path| read(path));
    spawn_blocking(check).await.expect("reading a file does not panic")
}

fn paths() -> Vec<PathBuf> {
    let home = env::home_dir();
    let path = |(variable, default): (&str, &str)| match env::var_os(variable) {
        Some(path) => {
            let path = PathBuf::from(path);
            let below_home = path.strip_prefix("~").ok().map(Path::to_owned);
            Some(below_home.and_then(|below| Some(home.as_ref()?.join(below))).unwrap_or(path))
        }
        None => Some(home.as_ref()?.join(default)),
    };
    FILES.into_iter().filter_map(path).collect()
}

fn read(path: &Path) -> Result<(), UnreadableFile> {
    if !path.try_exists().unwrap_or(true) {
        return Ok(()); // the SDK reads it as empty, as the AWS CLI does
    }
    read_text_file(path).map(drop).map_err(UnreadableFile)
}

impl fmt::Display for UnreadableFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.chain())
    }
}

impl std::error::Error for UnreadableFile {}

#[cfg(test)]
mod tests {
    use regcred_core::ErrorKind;

    use super::*;

    #[test]
    fn a_file_that_is_absent_is_empty_and_one_that_is_not_text_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("credentials");
        read(&path).expect("the SDK reads it as empty");
        std::fs::write(&path, "# f\u{fc}r\n[default]\n").expect("it can be written");
        read(&path).expect("UTF-8 is text");
        std::fs::write(&path, b"# f\xfcr\n[default]\naws_secret_access_key = canary\n").expect("it can be written");
        let UnreadableFile(error) = read(&path).expect_err("Latin-1 is not UTF-8");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.chain(), format!("cannot read {}: it is not UTF-8 at byte 3", path.display()));
        read(dir.path()).expect_err("a folder is not a file");
    }
}
