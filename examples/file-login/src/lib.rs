//! A login whose password another program renews in a file, as an agent of Vault does.

use std::{fs, path::PathBuf, time::Duration};

use async_trait::async_trait;
use regcred_core::{
    Clock, Error, ErrorKind, Login, Registry, RegistryCredential, RegistryProvider, Result, SystemClock, Validity,
};
use serde::Deserialize;

/// What a config says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The key in `auths`, such as `quay.io`.
    pub registry: String,
    /// Such as `team-a+robot`.
    pub username: String,
    /// Holds the password and nothing else. Read anew each time.
    pub password_file: PathBuf,
    /// For how many minutes a password works after it was written.
    pub minutes: u32,
}

/// The provider.
#[derive(Debug)]
pub struct FileLogin {
    registry: Registry,
    options: Options,
}

impl FileLogin {
    /// Refuses what is no registry.
    pub fn new(options: Options) -> Result<Self> {
        Ok(Self { registry: Registry::new(&options.registry)?, options })
    }
}

#[async_trait]
impl RegistryProvider for FileLogin {
    async fn credential(&self) -> Result<RegistryCredential> {
        let Options { username, password_file, minutes, .. } = &self.options;
        let unreachable =
            |why: String| Error::new(ErrorKind::Unreachable, format!("{}: {why}", password_file.display()));
        let written =
            fs::metadata(password_file).and_then(|it| it.modified()).map_err(|it| unreachable(it.to_string()))?;
        let validity = Validity::new(written, Some(written + Duration::from_mins((*minutes).into())))?;
        if !validity.is_usable(SystemClock.now()) {
            return Err(unreachable(format!("it was not renewed for more than {minutes} minutes")));
        }
        let password = fs::read_to_string(password_file).map_err(|it| unreachable(it.to_string()))?;
        let login = Login::new(vec![self.registry.clone()], username, password.trim_end().into())?;
        RegistryCredential::new(vec![login], validity)
    }
}
