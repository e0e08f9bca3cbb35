//! The identity of a provider in AWS.

use std::{fmt, path::Path, sync::Arc};

use aws_config::{SdkConfig, sts::AssumeRoleProvider};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError},
};
use regcred_core::{Error, Result};

use crate::{
    arn, codes,
    environment::Environment,
    host::Region,
    instance,
    process::Programs,
    settings::Settings,
    sources::{SESSION, Sources, answered, profile_of_environment},
};

/// The identity that asks ECR for tokens. Default: [`Identity::chain`].
#[derive(Clone, Debug, Default)]
pub struct Identity {
    source: Source,
    role: Option<Role>,
    programs: Programs,
}

#[derive(Clone, Default)]
enum Source {
    #[default]
    Chain,
    ChainAndInstance,
    Profile(Arc<str>),
    WebIdentity {
        role_arn: Arc<str>,
        token_file: Arc<Path>,
    },
    Given(SharedCredentialsProvider),
}

/// A role to assume.
#[derive(Clone, Debug)]
pub struct Role {
    arn: String,
    external_id: Option<String>,
    session_name: String,
}

impl Identity {
    /// Tries these sources in order: environment, shared profile, web identity (IRSA, ROSA), container credentials (EKS
    /// Pod Identity, ECS).
    ///
    /// The role of the node is not in the chain, because every pod on a node can use it. Use [`Identity::instance`] to
    /// include it.
    pub fn chain() -> Self {
        Self::default()
    }

    /// Tries the sources of [`Identity::chain`], then the role of the machine from its instance metadata (version 2).
    pub fn instance() -> Self {
        Self { source: Source::ChainAndInstance, ..Self::default() }
    }

    /// Uses a profile of the shared configuration files, and no other source.
    pub fn profile(name: impl AsRef<str>) -> Self {
        Self { source: Source::Profile(name.as_ref().into()), ..Self::default() }
    }

    /// Uses a role with the web identity in this file. The file is read for each mint, because the kubelet renews it.
    pub fn web_identity(role_arn: impl AsRef<str>, token_file: impl AsRef<Path>) -> Self {
        let source = Source::WebIdentity { role_arn: role_arn.as_ref().into(), token_file: token_file.as_ref().into() };
        Self { source, ..Self::default() }
    }

    /// Uses these credentials, or the credentials that this provider returns.
    pub fn given(credentials: impl ProvideCredentials + 'static) -> Self {
        Self { source: Source::Given(SharedCredentialsProvider::new(credentials)), ..Self::default() }
    }

    /// Assumes a role with this identity.
    #[must_use]
    pub fn with_role(self, role: Role) -> Self {
        Self { role: Some(role), ..self }
    }

    /// Limits the programs that profiles may run as `credential_process`. Each is named by its absolute path. Default:
    /// every program outside a pod, and none in a pod.
    #[must_use]
    pub fn with_programs(self, programs: impl IntoIterator<Item = String>) -> Self {
        Self { programs: Programs(programs.into_iter().collect()), ..self }
    }

    /// Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) for an invalid role or session name.
    ///
    /// Also fails for a role in another partition than the region, because no STS endpoint serves both. Also fails for
    /// the role of the machine with an environment that a program gave.
    pub(crate) fn check(&self, region: &Region, environment: &Environment) -> Result<()> {
        if matches!(self.source, Source::ChainAndInstance) {
            environment.refuse(instance::ROLE)?;
        }
        if let Source::WebIdentity { role_arn, .. } = &self.source {
            arn::role(role_arn, region)?;
        }
        self.programs.check()?;
        let Some(Role { arn, session_name, .. }) = &self.role else { return Ok(()) };
        arn::role(arn, region)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        if (2..=64).contains(&session_name.len()) && session_name.bytes().all(allowed) {
            return Ok(());
        }
        let message = format!("{session_name:?} is not a session name: 2 to 64 letters, digits and _+=,.@-");
        Err(Error::new(&codes::SETTING, message))
    }

    /// Returns the profile whose other settings, such as endpoints, also apply.
    pub(crate) fn profile_name(&self, environment: &Environment) -> Option<String> {
        match &self.source {
            Source::Profile(name) => Some(name.to_string()),
            _ => profile_of_environment(environment).map(|(_, name)| name),
        }
    }

    /// Returns the current credentials, after assuming the role if there is one.
    pub(crate) async fn credentials(
        &self,
        settings: &Settings,
        config: &SdkConfig,
        environment: &Environment,
    ) -> Result<Credentials, CredentialsError> {
        let sources = Sources {
            settings: settings.clone(),
            config: config.clone(),
            programs: self.programs.clone(),
            environment: environment.clone(),
        };
        let base = match &self.source {
            Source::Chain => sources.chain(false).await,
            Source::ChainAndInstance => sources.chain(true).await,
            Source::Profile(name) => sources.profile(Some(name)).await,
            Source::WebIdentity { role_arn, token_file } => {
                sources.web_identity(role_arn, token_file.to_path_buf(), SESSION).await
            }
            Source::Given(credentials) => answered(&credentials.provide_credentials().await?, "the given identity"),
        }?;
        let Some(role) = &self.role else { return Ok(base) };
        let mut assumed = AssumeRoleProvider::builder(&role.arn).configure(config).session_name(&role.session_name);
        if let Some(id) = &role.external_id {
            assumed = assumed.external_id(id);
        }
        let assumed = assumed.build_from_provider(base).await.provide_credentials().await?;
        answered(&assumed, &format!("the role {}", role.arn))
    }
}

impl Role {
    /// Creates a role from its ARN. The session name is `regcred`.
    pub fn new(arn: impl Into<String>) -> Self {
        Self { arn: arn.into(), external_id: None, session_name: SESSION.into() }
    }

    /// Sets the external id that the role's trust policy requires.
    #[must_use]
    pub fn with_external_id(self, id: impl Into<String>) -> Self {
        Self { external_id: Some(id.into()), ..self }
    }

    /// Sets the session name that `CloudTrail` shows. Default: `regcred`.
    #[must_use]
    pub fn with_session_name(self, name: impl Into<String>) -> Self {
        Self { session_name: name.into(), ..self }
    }
}

impl<P: ProvideCredentials + 'static> From<P> for Identity {
    fn from(credentials: P) -> Self {
        Self::given(credentials)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain => f.write_str("Chain"),
            Self::ChainAndInstance => f.write_str("ChainAndInstance"),
            Self::Profile(name) => f.debug_tuple("Profile").field(name).finish(),
            Self::WebIdentity { role_arn, token_file } => {
                f.debug_struct("WebIdentity").field("role_arn", role_arn).field("token_file", token_file).finish()
            }
            Self::Given(_) => f.write_str("Given"),
        }
    }
}
