//! The type `file` of an entry of `providers:`.

use std::{path::PathBuf, sync::Arc};

use regcred_config::{Origin, Problem, Problems, TypeGrammar, codes::COMBINATION, path, registries};
use regcred_core::{Clock, Code, Registry, RegistryProvider, Result, Scope, SystemClock};
use regcred_plan::{ProviderPlan, ProviderType, async_trait};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{FileProvider, LoginFiles, codes};

/// Logins in a file that another program renews, such as a mounted Secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileOptions {
    /// Absolute path of the file. With `format: basic-auth`, the path of a folder with the files `username` and
    /// `password`, as Kubernetes mounts a Secret.
    #[serde(deserialize_with = "path")]
    #[schemars(with = "String", regex(pattern = "^/"))]
    pub path: PathBuf,
    /// Format of the file. Default: `dockerconfigjson`.
    #[serde(default)]
    pub format: LoginFileFormat,
    /// Registries whose logins are copied, such as `quay.io`. Required with `format: basic-auth`. Default: every
    /// registry of the file.
    #[serde(default, deserialize_with = "registries")]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub registries: Vec<Registry>,
}

/// The format of a file of logins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum LoginFileFormat {
    /// A Docker config with `auths`.
    #[default]
    #[serde(rename = "dockerconfigjson")]
    DockerConfigJson,
    /// The entries of a Docker config without `auths` around them.
    #[serde(rename = "dockercfg")]
    DockerCfg,
    /// A user name and a password.
    #[serde(rename = "basic-auth")]
    BasicAuth,
}

/// The type `file`: logins that are copied from a file. Its options are [`FileOptions`].
#[derive(Debug)]
pub struct FileType {
    clock: Arc<dyn Clock>,
}

impl Default for FileType {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock) }
    }
}

impl FileType {
    /// Sets the clock that the modification times of files are compared with. Default: the clock of the machine.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

#[async_trait]
impl ProviderType for FileType {
    const NAME: &'static str = "file";
    type Options = FileOptions;

    fn plan(&self, options: &FileOptions, at: &Origin) -> Result<ProviderPlan, Problems> {
        let mut problems = vec![];
        if !options.path.is_absolute() {
            problems.push(Problem::below(at, "path", "it is not an absolute path"));
        }
        if options.format == LoginFileFormat::BasicAuth && options.registries.is_empty() {
            let message = "`format: basic-auth` requires it, because a user name and a password name no registry";
            problems.push(Problem::below(at, "registries", message).with_code(&COMBINATION));
        }
        Problems::check(problems)?;
        let named = options.registries.clone();
        let scope = if named.is_empty() { Scope::Unknown } else { Scope::Exact(named) };
        Ok(ProviderPlan::new(scope).with_file("path", &options.path))
    }

    async fn make(&self, options: FileOptions) -> Result<Arc<dyn RegistryProvider>> {
        let files = match options.format {
            LoginFileFormat::DockerConfigJson => LoginFiles::DockerConfigJson(options.path),
            LoginFileFormat::DockerCfg => LoginFiles::DockerCfg(options.path),
            LoginFileFormat::BasicAuth => LoginFiles::BasicAuth(options.path),
        };
        Ok(Arc::new(FileProvider::new(files, options.registries, self.clock.clone())))
    }

    fn grammar(&self) -> TypeGrammar {
        TypeGrammar::new::<FileOptions>(Self::NAME)
            .with_example("{ type: file, path: /var/run/secrets/hub/.dockerconfigjson }")
            .with_public(&["path", "format", "registries"])
    }

    fn codes(&self) -> &'static [&'static Code] {
        codes::CODES
    }
}
