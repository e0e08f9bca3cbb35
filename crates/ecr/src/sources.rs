//! The places that AWS credentials come from, each with its own failures in words.

use std::{env, path::PathBuf, sync::Arc, time::SystemTime};

use aws_config::{
    SdkConfig,
    ecs::EcsCredentialsProvider,
    environment::EnvironmentVariableCredentialsProvider,
    login::LoginCredentialsProvider,
    sso::SsoCredentialsProvider,
    sts::AssumeRoleProvider,
    web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider},
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError},
};
use aws_sdk_sso::{
    config::{Region, http::HttpResponse},
    error::SdkError,
    operation::get_role_credentials::GetRoleCredentialsError,
};
use regcred_core::{Error, ErrorKind};

use crate::{
    error::{find, translate},
    failure::{Absent, Failure},
    instance,
    keys::{Part, clean},
    process::{self, Programs},
    profile::{self, DEFAULT, First, Steps},
    profiles::Profiles,
    settings::Settings,
    token_file,
    transport::UnusableProxy,
};

/// The default name of sessions. `CloudTrail` shows it.
pub(crate) const SESSION: &str = "regcred";

/// The settings that every source is asked with.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    pub(crate) settings: Settings,
    /// Endpoints and other settings, for the roles that a profile assumes.
    pub(crate) config: SdkConfig,
    pub(crate) programs: Programs,
}

type Found = Result<Credentials, CredentialsError>;

impl Sources {
    /// Environment, profile, web identity and container, in this order; with `instance`, also the role of the machine.
    pub(crate) async fn chain(&self, instance: bool) -> Found {
        let mut notes = vec![];
        let mut ends = |found: &Found| match found {
            Err(error @ CredentialsError::CredentialsNotLoaded(_)) => {
                notes.extend(find::<Absent>(error).map(|absent| absent.0.clone()));
                false
            }
            _ => true,
        };
        let found = environment().await;
        if ends(&found) {
            return found;
        }
        let found = self.profile(None).await;
        if ends(&found) {
            return found;
        }
        let web_identity = WebIdentityTokenCredentialsProvider::builder().configure(&self.settings.provider_config());
        let found = web_identity_token(web_identity.build(), path("AWS_WEB_IDENTITY_TOKEN_FILE")).await;
        if ends(&found) {
            return found;
        }
        let found = self.container().await;
        if ends(&found) {
            return found;
        }
        if instance {
            return self.instance().await;
        }
        let nowhere = "no AWS credentials were found in environment, profile, web identity or container";
        let error = Error::new(ErrorKind::Denied, nowhere);
        Err(Failure(if notes.is_empty() { error } else { error.with_cause(notes.join("; ")) }).into())
    }

    /// The profile of this name; `None`: the one that `AWS_PROFILE` names. It is read anew each time, as it may be mounted and renewed.
    pub(crate) async fn profile(&self, name: Option<&Arc<str>>) -> Found {
        let profiles = Profiles::read().await.map_err(Failure)?;
        let variable = profile_of_environment();
        let (wanted, named_by) = match (name, &variable) {
            (Some(name), _) => (&**name, ""),
            (None, Some(name)) => (name.as_str(), " that AWS_PROFILE names"),
            (None, None) => (DEFAULT, ""),
        };
        // Only a profile that the config names must exist. After the others, the chain asks its next source.
        let absent = |error: Error| match (name, &variable) {
            (Some(_), _) => CredentialsError::from(Failure(error)),
            (None, Some(_)) => Absent(error.chain()).into(),
            (None, None) => CredentialsError::not_loaded("there is no default profile"),
        };
        if !profiles.has(wanted) {
            return Err(absent(profile::missing(&profiles, wanted, named_by)));
        }
        let Some(steps) = profile::steps(&profiles, wanted).map_err(Failure)? else {
            let message = format!("the AWS profile {wanted:?}{named_by} holds no credentials");
            return Err(absent(Error::new(ErrorKind::Invalid, message)));
        };
        self.follow(&steps).await
    }

    async fn follow(&self, steps: &Steps) -> Found {
        let Steps { profile, first, roles } = steps;
        let mut credentials = self.first(profile, first).await?;
        for role in roles {
            let session = role.session_name.as_deref().unwrap_or(SESSION);
            let mut assumed = AssumeRoleProvider::builder(&role.arn).configure(&self.config).session_name(session);
            if let Some(id) = &role.external_id {
                assumed = assumed.external_id(id);
            }
            let assumed = assumed.build_from_provider(credentials).await.provide_credentials().await?;
            credentials = answered(&assumed, &format!("the role {}", role.arn))?;
        }
        Ok(credentials)
    }

    async fn first(&self, profile: &str, first: &First) -> Found {
        let config = self.settings.provider_config();
        match first {
            First::Keys(keys) => Ok(keys.clone()),
            First::Environment => environment().await,
            First::Instance => self.instance().await,
            First::Container => self.container().await,
            First::WebIdentity { role_arn, token_file, session_name } => {
                let session_name = session_name.as_deref().unwrap_or(SESSION);
                self.web_identity(role_arn, token_file.clone(), session_name).await
            }
            First::Sso { account, role, start_url, region, session } => {
                let mut sso = SsoCredentialsProvider::builder()
                    .configure(&config)
                    .account_id(account)
                    .role_name(role)
                    .start_url(start_url)
                    .region(Region::new(region.clone()));
                if let Some(session) = session {
                    sso = sso.session_name(session);
                }
                let now = self.settings.signing.clock.now();
                let given = sso.build().provide_credentials().await;
                let given = given
                    .map_err(|error| session_failure(&error, &format!("aws sso login --profile {profile}"), now))?;
                answered(&given, &format!("the SSO session of the AWS profile {profile:?}"))
            }
            First::Login { session, region } => {
                let region = region.clone().map_or_else(|| self.settings.region.clone(), Region::new);
                let login = LoginCredentialsProvider::builder(session).configure(&config.with_region(Some(region)));
                let now = self.settings.signing.clock.now();
                let given = login.build().provide_credentials().await;
                let given =
                    given.map_err(|error| session_failure(&error, &format!("aws login --profile {profile}"), now))?;
                answered(&given, &format!("the login session of the AWS profile {profile:?}"))
            }
            First::Program(command) => {
                let given = process::credentials(command, profile, &self.programs).await.map_err(Failure)?;
                answered(&given, &format!("the credential_process of the AWS profile {profile:?}"))
            }
        }
    }

    /// A role by the token in a file.
    pub(crate) async fn web_identity(&self, role_arn: &str, token_file: PathBuf, session_name: &str) -> Found {
        let fixed = StaticConfiguration {
            web_identity_token_file: token_file.clone(),
            role_arn: role_arn.to_owned(),
            session_name: session_name.to_owned(),
        };
        let config = self.settings.provider_config();
        let inner =
            WebIdentityTokenCredentialsProvider::builder().configure(&config).static_configuration(fixed).build();
        web_identity_token(inner, Some(token_file)).await
    }

    async fn container(&self) -> Found {
        if let Some(file) = path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            token_file::check(&file).await.map_err(Failure)?;
        }
        let container = EcsCredentialsProvider::builder().configure(&self.settings.provider_config()).build();
        let given = container.provide_credentials().await.map_err(|error| match error {
            CredentialsError::InvalidConfiguration(_) => {
                let why = "AWS_CONTAINER_CREDENTIALS_FULL_URI or the token beside it is not valid";
                let error = Error::new(ErrorKind::Invalid, "cannot ask the container credentials endpoint");
                Failure(error.with_cause(why)).into()
            }
            other => other,
        });
        answered(&given?, "the container credentials endpoint")
    }

    async fn instance(&self) -> Found {
        let given = instance::credentials(&self.settings).await?;
        answered(&given, "the instance metadata service")
    }
}

/// The profile that `AWS_PROFILE` names. An empty variable names none, as for the AWS CLI.
pub(crate) fn profile_of_environment() -> Option<String> {
    env::var("AWS_PROFILE").ok().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn path(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)
}

async fn environment() -> Found {
    let given = EnvironmentVariableCredentialsProvider::new().provide_credentials().await;
    let keys = given.map_err(|error| match error {
        CredentialsError::CredentialsNotLoaded(_) => error,
        _ => Failure(Error::new(
            ErrorKind::Invalid,
            "the keys of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not text",
        ))
        .into(),
    })?;
    let variable = |part| match part {
        Part::AccessKey => "AWS_ACCESS_KEY_ID",
        Part::SecretKey => "AWS_SECRET_ACCESS_KEY",
        Part::SessionToken => "AWS_SESSION_TOKEN",
    };
    Ok(clean(&keys, |part| variable(part).to_owned()).map_err(Failure)?)
}

async fn web_identity_token(inner: WebIdentityTokenCredentialsProvider, file: Option<PathBuf>) -> Found {
    let Some(file) = file else { return inner.provide_credentials().await };
    token_file::check(&file).await.map_err(Failure)?;
    let given = inner.provide_credentials().await.map_err(|error| match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            Absent("the token of AWS_WEB_IDENTITY_TOKEN_FILE needs a role in AWS_ROLE_ARN".into()).into()
        }
        other => other,
    });
    answered(&given?, "the web identity")
}

/// The keys of an answer, which `from` gave.
pub(crate) fn answered(keys: &Credentials, from: &str) -> Found {
    Ok(clean(keys, |part| format!("the {} of {from}", part.name())).map_err(Failure)?)
}

/// Why a session that a person starts gave no credentials. `command` starts it anew.
fn session_failure(failure: &CredentialsError, command: &str, now: SystemTime) -> Failure {
    let again = |why: &str| Error::new(ErrorKind::Denied, format!("{why}, so run `{command}`"));
    if let Some(sso) = find::<SdkError<GetRoleCredentialsError, HttpResponse>>(failure) {
        let error = translate(sso, "sso:GetRoleCredentials", now);
        return Failure(match error.kind() {
            ErrorKind::Denied => again("the session has ended, or may not use the role"),
            _ if matches!(sso, SdkError::ConstructionFailure(_)) => again("the file of the session is damaged"),
            _ => error,
        });
    }
    if let Some(UnusableProxy(error)) = find::<UnusableProxy>(failure) {
        return Failure(error.clone());
    }
    // The SDK keeps these apart in words alone, and hides some of their causes.
    let words = format!("{failure:?}");
    Failure(if words.contains("NotFound") {
        again("there is no session on this machine")
    } else if ["JsonError", "MissingField", "InvalidField", "IoError", "Other"].iter().any(|it| words.contains(it)) {
        again("the file of the session is damaged")
    } else {
        again("the session has ended, and cannot be renewed")
    })
}
