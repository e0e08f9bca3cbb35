//! Who asks.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_config::{
    SdkConfig,
    ecs::EcsCredentialsProvider,
    environment::EnvironmentVariableCredentialsProvider,
    imds::{self, credentials::ImdsCredentialsProvider},
    meta::credentials::CredentialsProviderChain,
    profile::ProfileFileCredentialsProvider,
    sts::AssumeRoleProvider,
    web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider},
};
use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future::ProvideCredentials as Providing,
};
use regcred_core::{Error, ErrorKind, Result, read_text_file};
use tokio::task::spawn_blocking;

use crate::{arn, settings::Settings, shared_files};

/// What sessions are called where nobody says otherwise: `CloudTrail` shows it.
const SESSION: &str = "regcred";

/// Who asks ECR. Default: the chain.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    source: Source,
    role: Option<Role>,
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

    /// [`ErrorKind::Invalid`] for a role or a session name that is none.
    pub(crate) fn check(&self) -> Result<()> {
        if let Source::WebIdentity { role_arn, .. } = &self.source {
            arn::role(role_arn)?;
        }
        let Some(Role { arn, session_name, .. }) = &self.role else { return Ok(()) };
        arn::role(arn)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        if (2..=64).contains(&session_name.len()) && session_name.bytes().all(allowed) {
            return Ok(());
        }
        let message = format!("{session_name:?} is not a session name: 2 to 64 letters, digits and _+=,.@-");
        Err(Error::new(ErrorKind::Invalid, message))
    }

    /// The profile whose other settings, such as endpoints, count too.
    pub(crate) fn profile_name(&self) -> Option<&str> {
        match &self.source {
            Source::Profile(name) => Some(name),
            _ => None,
        }
    }

    /// Its credentials, before any role of [`Identity::with_role`] is assumed.
    pub(crate) fn base(&self, settings: &Settings) -> SharedCredentialsProvider {
        let config = &settings.provider_config();
        match &self.source {
            Source::Chain => SharedCredentialsProvider::new(chain(settings)),
            Source::ChainAndInstance => {
                let client = imds::Client::builder().configure(config).max_attempts(1).build();
                let instance = ImdsCredentialsProvider::builder().configure(config).imds_client(client).build();
                SharedCredentialsProvider::new(chain(settings).or_else("InstanceMetadata", instance))
            }
            Source::Profile(name) => {
                SharedCredentialsProvider::new(FromProfile { settings: settings.clone(), name: Some(name.clone()) })
            }
            Source::WebIdentity { role_arn, token_file } => {
                let fixed = StaticConfiguration {
                    web_identity_token_file: token_file.to_path_buf(),
                    role_arn: role_arn.to_string(),
                    session_name: SESSION.into(),
                };
                let inner =
                    WebIdentityTokenCredentialsProvider::builder().configure(config).static_configuration(fixed);
                SharedCredentialsProvider::new(FromFile { inner: inner.build(), file: Some(token_file.to_path_buf()) })
            }
            Source::Given(credentials) => credentials.clone(),
        }
    }

    /// The role to assume, as its credentials; `None`: there is none.
    pub(crate) async fn assumed(&self, config: &SdkConfig) -> Option<SharedCredentialsProvider> {
        let role = self.role.as_ref()?;
        let mut provider = AssumeRoleProvider::builder(&role.arn).configure(config).session_name(&role.session_name);
        if let Some(id) = &role.external_id {
            provider = provider.external_id(id);
        }
        Some(SharedCredentialsProvider::new(provider.build().await))
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

fn chain(settings: &Settings) -> CredentialsProviderChain {
    let config = &settings.provider_config();
    let profile = FromProfile { settings: settings.clone(), name: None };
    let web_identity = WebIdentityTokenCredentialsProvider::builder().configure(config).build();
    let container = EcsCredentialsProvider::builder().configure(config).build();
    let file = |variable| std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let web_identity = FromFile { inner: web_identity, file: file("AWS_WEB_IDENTITY_TOKEN_FILE") };
    let container = FromFile { inner: container, file: file("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") };
    CredentialsProviderChain::first_try("Environment", EnvironmentVariableCredentialsProvider::new())
        .or_else("Profile", profile)
        .or_else("WebIdentityToken", web_identity)
        .or_else("Container", container)
}

/// A profile that is read anew each time, as it may be mounted and renewed. The SDK's own provider keeps what it read first, and
/// after an error fails in another way.
#[derive(Debug)]
struct FromProfile {
    settings: Settings,
    /// `None`: the one that the environment names.
    name: Option<Arc<str>>,
}

impl ProvideCredentials for FromProfile {
    fn provide_credentials<'a>(&'a self) -> Providing<'a>
    where
        Self: 'a,
    {
        Providing::new(async {
            shared_files::check().await.map_err(CredentialsError::provider_error)?;
            let mut profile = ProfileFileCredentialsProvider::builder().configure(&self.settings.provider_config());
            if let Some(name) = &self.name {
                profile = profile.profile_name(&**name);
            }
            match (profile.build().provide_credentials().await, &self.name) {
                (Err(CredentialsError::CredentialsNotLoaded(_)), Some(name)) => {
                    Err(CredentialsError::provider_error(NoProfile(name.clone())))
                }
                (credentials, _) => credentials,
            }
        })
    }
}

/// The profile that was named is not there, or holds no credentials.
#[derive(Debug)]
pub(crate) struct NoProfile(Arc<str>);

impl fmt::Display for NoProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the AWS profile {:?} is not there, or holds no credentials", self.0)
    }
}

impl std::error::Error for NoProfile {}

/// Credentials that hang on a file which the kubelet renews: one that is empty or gone for a moment is read once more.
#[derive(Debug)]
struct FromFile<P> {
    inner: P,
    file: Option<PathBuf>,
}

impl<P: ProvideCredentials> ProvideCredentials for FromFile<P> {
    fn provide_credentials<'a>(&'a self) -> Providing<'a>
    where
        Self: 'a,
    {
        Providing::new(async {
            let Some(file) = &self.file else { return self.inner.provide_credentials().await };
            if check_token(file).await.is_err() {
                check_token(file).await.map_err(CredentialsError::provider_error)?;
            }
            self.inner.provide_credentials().await
        })
    }
}

/// Fails unless the file holds text.
async fn check_token(file: &Path) -> Result<(), TokenFileError> {
    let file = file.to_path_buf();
    let read = spawn_blocking(move || {
        if !file.try_exists().unwrap_or(true) {
            return Err(TokenFileError::Absent);
        }
        read_text_file(&file).map_err(TokenFileError::Unreadable)
    });
    let text = read.await.expect("reading a file does not panic")?;
    if text.is_empty() { Err(TokenFileError::Empty) } else { Ok(()) }
}

/// The file of a web identity or of a container's token cannot be used.
#[derive(Debug)]
pub(crate) enum TokenFileError {
    /// The kubelet is writing it.
    Empty,
    Absent,
    Unreadable(Error),
}

impl TokenFileError {
    /// Only an empty file heals by itself.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Empty => ErrorKind::Unreachable,
            Self::Absent | Self::Unreadable(_) => ErrorKind::Invalid,
        }
    }
}

impl fmt::Display for TokenFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the token file of the AWS identity is empty"),
            Self::Absent => f.write_str("the token file of the AWS identity is not there"),
            Self::Unreadable(error) => write!(f, "the token file of the AWS identity is not usable: {}", error.chain()),
        }
    }
}

impl std::error::Error for TokenFileError {}
