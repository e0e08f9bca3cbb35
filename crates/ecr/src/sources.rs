//! The sources of AWS credentials, each with its own error messages.

use std::{path::PathBuf, sync::Arc, time::SystemTime};

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
    codes,
    environment::Environment,
    error::{CONTAINER, NOWHERE, find, translate},
    failure::{Absent, Failure},
    instance,
    keys::{Part, clean},
    line::{line, role_arn},
    process::{self, Programs},
    profile::{self, DEFAULT, First, Steps},
    profiles::Profiles,
    settings::Settings,
    tenant, token_file,
    transport::UnusableProxy,
};

/// The default session name. `CloudTrail` shows it.
pub(crate) const SESSION: &str = "regcred";

/// The variables with the endpoint of container credentials.
const CONTAINER_URLS: [&str; 2] = ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];

/// The settings that every source uses.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    pub(crate) settings: Settings,
    /// Endpoints and other settings for the roles that a profile assumes.
    pub(crate) config: SdkConfig,
    pub(crate) programs: Programs,
    pub(crate) environment: Environment,
}

type Found = Result<Credentials, CredentialsError>;

impl Sources {
    /// Tries environment, profile, web identity and container, in this order. With `instance`, also tries the role of
    /// the machine.
    pub(crate) async fn chain(&self, instance: bool) -> Found {
        let mut notes = vec![];
        let mut ends = |found: &Found| match found {
            Err(error @ CredentialsError::CredentialsNotLoaded(_)) => {
                notes.extend(find::<Absent>(error).map(|absent| absent.0.clone()));
                false
            }
            _ => true,
        };
        let found = self.keys_of_environment().await;
        if ends(&found) {
            return found;
        }
        let found = self.profile(None).await;
        if ends(&found) {
            return found;
        }
        // A profile that a variable names is required.
        let is_wrong = found.as_ref().is_err_and(|error| find::<Absent>(error).is_some());
        let found = self.web_identity_of_environment().await;
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
        let nowhere = match self.environment.given() {
            None => NOWHERE,
            Some(_) => "the variables, profiles and web identity of the program have none",
        };
        let code = if is_wrong { &codes::SETTING } else { &codes::NO_IDENTITY };
        let cause = if notes.is_empty() { nowhere.to_owned() } else { format!("{nowhere}: {}", notes.join("; ")) };
        Err(Failure(Error::new(code, "cannot find AWS credentials").with_cause(cause)).into())
    }

    /// Returns the credentials of the profile with this name. `None` means the profile that `AWS_PROFILE` names.
    ///
    /// The file is read for each call, because it may be mounted and renewed.
    pub(crate) async fn profile(&self, name: Option<&Arc<str>>) -> Found {
        let profiles = Profiles::read(&self.environment).await.map_err(Failure)?;
        let variable = profile_of_environment(&self.environment);
        let (wanted, named_by) = match (name, &variable) {
            (Some(name), _) => (&**name, String::new()),
            (None, Some((variable, name))) => (name.as_str(), format!(" that {variable} names")),
            (None, None) => (DEFAULT, String::new()),
        };
        // Only a profile that the config names must exist. The chain tries its next source if another profile is missing.
        let absent = |error: Error| match (name, &variable) {
            (Some(_), _) => CredentialsError::from(Failure(error)),
            (None, Some(_)) => Absent(error.chain()).into(),
            (None, None) => CredentialsError::not_loaded("there is no default profile"),
        };
        if !profiles.has(wanted) {
            return Err(absent(profile::missing(&profiles, wanted, &named_by)));
        }
        let Some(steps) = profile::steps(&profiles, wanted).map_err(Failure)? else {
            let message = format!("cannot use the AWS profile {wanted:?}{named_by}");
            return Err(absent(Error::new(&codes::PROFILE, message).with_cause("it has no credentials")));
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
            First::Environment => {
                let found = self.keys_of_environment().await;
                found.map_err(|error| {
                    unset(error, profile, "Environment", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are")
                })
            }
            First::Instance => self.instance().await,
            First::Container => {
                self.refuse("EcsContainer as credential_source", profile)?;
                let found = self.container().await;
                found.map_err(|error| unset(error, profile, "EcsContainer", "AWS_CONTAINER_CREDENTIALS_FULL_URI is"))
            }
            First::WebIdentity { role_arn, token_file, session_name } => {
                let session_name = session_name.as_deref().unwrap_or(SESSION);
                self.web_identity(role_arn, token_file.clone(), session_name).await
            }
            First::Sso { account, role, start_url, region, session } => {
                self.refuse("the SSO session", profile)?;
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
                let session = format!("the SSO session of the AWS profile {profile:?}");
                let command = format!("aws sso login --profile {profile}");
                answered(&given.map_err(|error| session_failure(&error, &session, &command, now))?, &session)
            }
            First::Login { session, region } => {
                self.refuse("the login session", profile)?;
                let region = region.clone().map_or_else(|| self.settings.region.clone(), Region::new);
                let login = LoginCredentialsProvider::builder(session).configure(&config.with_region(Some(region)));
                let now = self.settings.signing.clock.now();
                let given = login.build().provide_credentials().await;
                let session = format!("the login session of the AWS profile {profile:?}");
                let command = format!("aws login --profile {profile}");
                answered(&given.map_err(|error| session_failure(&error, &session, &command, now))?, &session)
            }
            First::Program(command) => {
                self.refuse("the credential_process", profile)?;
                let given = process::credentials(command, profile, &self.programs).await.map_err(Failure)?;
                if given.expiry().is_some_and(|end| end <= self.settings.signing.clock.now()) {
                    let message = format!("cannot use the credential_process of the AWS profile {profile:?}");
                    let error = Error::new(&codes::PROCESS_FAILED, message);
                    return Err(Failure(error.with_cause("it printed credentials that have expired")).into());
                }
                answered(&given, &format!("the credential_process of the AWS profile {profile:?}"))
            }
        }
    }

    /// Returns the keys in the environment variables.
    async fn keys_of_environment(&self) -> Found {
        const KEYS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        for variable in [KEYS[0], KEYS[1], "AWS_SESSION_TOKEN"] {
            if self.environment.get_os(variable).is_some_and(|value| value.to_str().is_none()) {
                let error = Error::new(&codes::SETTING, format!("cannot use {variable}"));
                return Err(Failure(error.with_cause("it is not UTF-8")).into());
            }
        }
        let state = |variable: &str| self.environment.get(variable).map(|value| value.trim().is_empty());
        match KEYS.map(state) {
            [Some(true), _] | [_, Some(true)]
                if KEYS.iter().any(|it| self.environment.get(it).is_some_and(|value| !value.is_empty())) =>
            {
                let blank = if state(KEYS[0]) == Some(true) { KEYS[0] } else { KEYS[1] };
                return Err(Absent(format!("{blank} is empty")).into());
            }
            [Some(false), None] => return Err(Absent(format!("{} is set without {}", KEYS[0], KEYS[1])).into()),
            [None, Some(false)] => return Err(Absent(format!("{} is set without {}", KEYS[1], KEYS[0])).into()),
            _ => {}
        }
        let given = match self.environment.given() {
            None => EnvironmentVariableCredentialsProvider::new().provide_credentials().await,
            Some(_) => tenant::keys(&self.environment),
        };
        let keys = given.map_err(|error| {
            if matches!(error, CredentialsError::CredentialsNotLoaded(_)) {
                return error;
            }
            let error = Error::new(&codes::SETTING, format!("cannot use {} and {}", KEYS[0], KEYS[1]));
            Failure(error.with_cause("they are not text")).into()
        })?;
        let variable = |part| match part {
            Part::AccessKey => "AWS_ACCESS_KEY_ID",
            Part::SecretKey => "AWS_SECRET_ACCESS_KEY",
            Part::SessionToken => "AWS_SESSION_TOKEN",
        };
        Ok(clean(&keys, |part| variable(part).to_owned()).map_err(Failure)?)
    }

    /// Returns the credentials of a role, with the web identity token in a file.
    pub(crate) async fn web_identity(&self, role_arn: &str, token_file: PathBuf, session_name: &str) -> Found {
        let token = token_file::token(&token_file, &self.environment);
        if self.environment.given().is_some() {
            let token = token.await.map_err(Failure)?;
            let given = tenant::web_identity(&self.config, role_arn, &token, session_name).await?;
            return answered(&given, "the web identity");
        }
        let fixed = StaticConfiguration {
            web_identity_token_file: token_file.clone(),
            role_arn: role_arn.to_owned(),
            session_name: session_name.to_owned(),
        };
        let config = self.settings.provider_config();
        let inner =
            WebIdentityTokenCredentialsProvider::builder().configure(&config).static_configuration(fixed).build();
        token.await.map_err(Failure)?;
        answered(&inner.provide_credentials().await?, "the web identity")
    }

    /// Returns the credentials of the web identity that the environment names.
    async fn web_identity_of_environment(&self) -> Found {
        let Some(file) = self.environment.path("AWS_WEB_IDENTITY_TOKEN_FILE") else {
            return Err(CredentialsError::not_loaded("there is no web identity"));
        };
        let variable = |name: &str| self.environment.get(name).filter(|value| !value.trim().is_empty());
        token_file::token(&file, &self.environment).await.map_err(Failure)?;
        let Some(role) = variable("AWS_ROLE_ARN") else {
            return Err(Absent("the token of AWS_WEB_IDENTITY_TOKEN_FILE needs a role in AWS_ROLE_ARN".into()).into());
        };
        let role = role_arn(&role, || "AWS_ROLE_ARN".into()).map_err(Failure)?;
        let session = variable("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| SESSION.into());
        let session = line(&session, || "AWS_ROLE_SESSION_NAME".into()).map_err(Failure)?;
        self.web_identity(&role, file, &session).await
    }

    /// Fails if a program gave the environment, because the credentials of this profile are not part of it.
    fn refuse(&self, what: &str, profile: &str) -> Result<(), Failure> {
        Ok(self.environment.refuse(&format!("{what} of the AWS profile {profile:?}"))?)
    }

    async fn container(&self) -> Found {
        if self.environment.given().is_some() {
            let named = CONTAINER_URLS.into_iter().find(|variable| self.environment.path(variable).is_some());
            let Some(variable) = named else { return Err(CredentialsError::not_loaded("there is no container")) };
            self.environment.refuse(variable).map_err(Failure)?;
        }
        if let Some(file) = self.environment.path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            token_file::token(&file, &self.environment).await.map_err(Failure)?;
        }
        let container = EcsCredentialsProvider::builder().configure(&self.settings.provider_config()).build();
        let given = container.provide_credentials().await.map_err(|error| match error {
            CredentialsError::InvalidConfiguration(_) => {
                let why = "AWS_CONTAINER_CREDENTIALS_FULL_URI or its token is not valid";
                Failure(Error::new(&codes::SETTING, CONTAINER).with_cause(why)).into()
            }
            other => other,
        });
        answered(&given?, "the container credentials endpoint")
    }

    async fn instance(&self) -> Found {
        self.environment.refuse(instance::ROLE).map_err(Failure)?;
        let given = instance::credentials(&self.settings).await?;
        answered(&given, "the instance metadata service")
    }
}

/// Returns the error for a profile whose source has no credentials.
fn unset(error: CredentialsError, profile: &str, source: &str, variables: &str) -> CredentialsError {
    if !matches!(error, CredentialsError::CredentialsNotLoaded(_)) {
        return error;
    }
    let why = find::<Absent>(&error).map_or_else(|| format!("{variables} not set"), |absent| absent.0.clone());
    let message = format!("cannot use credential_source = {source} of the AWS profile {profile:?}");
    Failure(Error::new(&codes::PROFILE, message).with_cause(why)).into()
}

/// Returns the profile that the environment names, and the variable. An empty variable names none, as for the AWS CLI.
pub(crate) fn profile_of_environment(environment: &Environment) -> Option<(&'static str, String)> {
    ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"].into_iter().find_map(|variable| {
        let name = environment.get(variable)?.trim().to_owned();
        (!name.is_empty()).then_some((variable, name))
    })
}

/// Returns the keys of an answer from the source `from`.
pub(crate) fn answered(keys: &Credentials, from: &str) -> Found {
    Ok(clean(keys, |part| format!("the {} of {from}", part.name())).map_err(Failure)?)
}

/// Returns the error for a failed interactive session. `command` is the command that starts a new session.
fn session_failure(failure: &CredentialsError, session: &str, command: &str, now: SystemTime) -> Failure {
    let again = |why: &str| {
        Error::new(&codes::SESSION, format!("cannot use {session}")).with_cause(format!("{why}, so run `{command}`"))
    };
    if let Some(sso) = find::<SdkError<GetRoleCredentialsError, HttpResponse>>(failure) {
        let error = translate(sso, "sso:GetRoleCredentials", now);
        return Failure(match error.kind() {
            ErrorKind::Denied => again("it has ended, or may not use the role"),
            _ if matches!(sso, SdkError::ConstructionFailure(_)) => again("its file is damaged"),
            _ => error,
        });
    }
    if let Some(UnusableProxy(error)) = find::<UnusableProxy>(failure) {
        return Failure(error.clone());
    }
    // The SDK distinguishes these only by their message, and hides some of their causes.
    let words = format!("{failure:?}");
    Failure(if words.contains("NotFound") {
        again("it does not exist on this machine")
    } else if ["JsonError", "MissingField", "InvalidField", "IoError", "Other"].iter().any(|it| words.contains(it)) {
        again("its file is damaged")
    } else {
        again("it has ended, and cannot be renewed")
    })
}
