//! Who asks.

use std::{fmt, path::Path, sync::Arc};

use aws_config::{SdkConfig, sts::AssumeRoleProvider};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError},
};
use regcred_core::{Error, ErrorKind, Result};

use crate::{
    arn,
    environment::Environment,
    host::Region,
    instance,
    process::Programs,
    settings::Settings,
    sources::{SESSION, Sources, answered, profile_of_environment},
};

/// Who asks ECR. Default: the chain.
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
    /// Environment, shared profile, web identity (IRSA, ROSA), container credentials (EKS Pod Identity, ECS), in this order.
    /// The node's own role is not among them: every pod on a node can reach that, so whoever wants it has to say so.
    pub fn chain() -> Self {
        Self::default()
    }

    /// As [`Identity::chain`], and at last the role of the machine, from its instance metadata (version 2).
    pub fn instance() -> Self {
        Self { source: Source::ChainAndInstance, ..Self::default() }
    }

    /// A profile of the shared configuration files, and of no other source.
    pub fn profile(name: impl AsRef<str>) -> Self {
        Self { source: Source::Profile(name.as_ref().into()), ..Self::default() }
    }

    /// A role by the web identity in this file, which is read anew each time: the kubelet renews it.
    pub fn web_identity(role_arn: impl AsRef<str>, token_file: impl AsRef<Path>) -> Self {
        let source = Source::WebIdentity { role_arn: role_arn.as_ref().into(), token_file: token_file.as_ref().into() };
        Self { source, ..Self::default() }
    }

    /// These credentials, or whatever gives them.
    pub fn given(credentials: impl ProvideCredentials + 'static) -> Self {
        Self { source: Source::Given(SharedCredentialsProvider::new(credentials)), ..Self::default() }
    }

    /// Assumes a role, as the identity that this is.
    #[must_use]
    pub fn with_role(self, role: Role) -> Self {
        Self { role: Some(role), ..self }
    }

    /// Has profiles run these programs alone as their `credential_process`, each named by its absolute path. Default: every program
    /// outside of a pod, and none in a pod.
    #[must_use]
    pub fn with_programs(self, programs: impl IntoIterator<Item = String>) -> Self {
        Self { programs: Programs(programs.into_iter().collect()), ..self }
    }

    /// [`ErrorKind::Invalid`] for a role or a session name that is none, and for a role in another partition than the region: no STS
    /// knows both. Also for the role of the machine with an environment that a program gives.
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
        Err(Error::new(ErrorKind::Invalid, message))
    }

    /// The profile whose other settings, such as endpoints, count too.
    pub(crate) fn profile_name(&self, environment: &Environment) -> Option<String> {
        match &self.source {
            Source::Profile(name) => Some(name.to_string()),
            _ => profile_of_environment(environment).map(|(_, name)| name),
        }
    }

    /// Its credentials, from wherever they are now, with its role assumed.
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
    /// By its ARN, in a session that is called `regcred`.
    pub fn new(arn: impl Into<String>) -> Self {
        Self { arn: arn.into(), external_id: None, session_name: SESSION.into() }
    }

    /// With the external id that its trust policy asks for.
    #[must_use]
    pub fn with_external_id(self, id: impl Into<String>) -> Self {
        Self { external_id: Some(id.into()), ..self }
    }

    /// With another name for the session, which `CloudTrail` shows. Default: `regcred`.
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
