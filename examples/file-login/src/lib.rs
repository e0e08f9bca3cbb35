//! A provider that reads a password from a file. Another program, such as a Vault agent, renews the password.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use regcred::{
    ProviderPlan, ProviderType, async_trait,
    config::{Origin, Problem, Problems},
    core::{
        Clock, Error, ErrorKind, Login, Registry, RegistryCredential, RegistryProvider, Result, Scope, SystemClock,
        Validity,
    },
    plan::schemars::{self, JsonSchema},
};
use serde::Deserialize;

/// The options of an entry in `providers:`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Key in `auths`, such as `quay.io`.
    pub registry: String,
    /// User name, such as `team-a+robot`.
    pub username: String,
    /// File that contains only the password. It is read for every credential.
    pub password_file: PathBuf,
    /// Lifetime of a password in minutes, counted from the last change of the file.
    pub minutes: u32,
}

/// Mints a login from the password file.
#[derive(Debug)]
pub struct FileLogin {
    registry: Registry,
    options: Options,
}

impl FileLogin {
    /// Creates the provider. Fails if the registry name is invalid.
    pub fn new(options: Options) -> Result<Self> {
        Ok(Self { registry: Registry::new(&options.registry)?, options })
    }
}

#[async_trait]
impl RegistryProvider for FileLogin {
    async fn credential(&self) -> Result<RegistryCredential> {
        let Options { username, password_file, minutes, .. } = &self.options;
        let unreachable = |why: String| {
            Error::new(ErrorKind::Unreachable, format!("cannot use {}", password_file.display())).with_cause(why)
        };
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

/// The provider type `file` for entries in `providers:`.
#[derive(Debug)]
pub struct FileType;

#[async_trait]
impl ProviderType for FileType {
    const NAME: &'static str = "file";
    type Options = Options;

    fn plan(&self, options: &Options, at: &Origin) -> Result<ProviderPlan, Problems> {
        let wrong = |error: Error| Problem::at(at.join("registry"), error.to_string());
        let registry = Registry::new(&options.registry).map_err(wrong)?;
        Ok(ProviderPlan::new(Scope::Exact(vec![registry])).with_file("password_file", &options.password_file))
    }

    async fn make(&self, options: Options) -> Result<Arc<dyn RegistryProvider>> {
        Ok(Arc::new(FileLogin::new(options)?))
    }
}
