//! Replaces the parts of aws-config that read only the process: call settings and web identities. Used with an
//! environment that a program gave.

use std::{collections::HashMap, time::SystemTime};

use aws_config::{SdkConfig, identity::IdentityCache, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::error::CredentialsError};
use aws_runtime::env_config::{EnvConfigValue, file::EnvConfigFiles, section::EnvConfigSections, source};
use aws_smithy_async::rt::sleep::default_async_sleep;
use aws_types::{
    os_shim_internal::{Env, Fs},
    service_config::{LoadServiceConfig, ServiceConfigKey},
};
use regcred_core::{Error, Result};

use crate::{
    codes,
    environment::Environment,
    error::failed,
    failure::Failure,
    settings::{Settings, behavior, timeouts},
};

/// The endpoint of all services. The variable with a service name appended is the endpoint of that service.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// Loads the same settings as [`Settings::load`], from the variables of `environment` and from these files. The result
/// has no credentials yet.
///
/// Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) for a switch that is neither `true` nor `false`.
pub(crate) async fn load(
    settings: &mut Settings,
    environment: &Environment,
    files: &EnvConfigFiles,
    profile: &str,
) -> Result<SdkConfig> {
    let configured = Configured::new(environment, files, profile).await?;
    if settings.fips.is_none() {
        settings.fips = configured.switch("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")?;
    }
    if settings.dual_stack.is_none() {
        settings.dual_stack = configured.switch("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")?;
    }
    let endpoint = configured.value(&EnvConfigValue::new().env(ENDPOINT).profile("endpoint_url"));
    let mut config = SdkConfig::builder()
        .behavior_version(behavior())
        .identity_cache(IdentityCache::no_cache())
        .region(settings.region.clone())
        .http_client(settings.signing.transport.clone())
        .time_source(settings.signing.clone())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts())
        .disable_clock_skew_correction(true); // see `Signing`
    config.set_sleep_impl(default_async_sleep());
    config.set_use_fips(settings.fips).set_use_dual_stack(settings.dual_stack);
    config.set_endpoint_url(endpoint.filter(|_| !configured.ignores_endpoints));
    Ok(config.service_config(configured).build())
}

/// The variables and the profile, in the form that the clients of the SDK read.
struct Configured {
    variables: Env,
    sections: EnvConfigSections,
    ignores_endpoints: bool,
}

impl Configured {
    async fn new(environment: &Environment, files: &EnvConfigFiles, profile: &str) -> Result<Self> {
        let variables = environment.given().cloned().unwrap_or_default();
        let variables = Env::from(variables.into_iter().collect::<HashMap<_, _>>());
        let unreadable = || {
            Error::new(&codes::SETTING, "cannot read the shared configuration files of AWS")
                .with_cause("one of their settings is not valid")
        };
        // The file contents are already loaded. The SDK finds no other file.
        let mut source = source::load(&variables, &Fs::from_slice(&[]), files).await.map_err(|_| unreadable())?;
        source.profile = profile.to_owned().into();
        let sections = EnvConfigSections::parse(source).map_err(|_| unreadable())?;
        let mut configured = Self { variables, sections, ignores_endpoints: false };
        let ignores = configured.switch("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls")?;
        configured.ignores_endpoints = ignores == Some(true);
        Ok(configured)
    }

    fn value(&self, of: &EnvConfigValue<'_>) -> Option<String> {
        of.load(&self.variables, Some(&self.sections)).map(|(value, _)| value.into_owned())
    }

    fn switch(&self, variable: &str, key: &str) -> Result<Option<bool>> {
        let Some(value) = self.value(&EnvConfigValue::new().env(variable).profile(key)) else { return Ok(None) };
        let is = |word| value.eq_ignore_ascii_case(word);
        if is("true") || is("false") {
            return Ok(Some(is("true")));
        }
        let message = format!("cannot use {variable} or {key} of the AWS profile");
        Err(Error::new(&codes::SETTING, message).with_cause("it is neither true nor false"))
    }
}

impl LoadServiceConfig for Configured {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        if self.ignores_endpoints && key.env() == ENDPOINT {
            return None;
        }
        self.value(&EnvConfigValue::new().env(key.env()).profile(key.profile()).service_id(key.service_id()))
    }
}

/// Hides the values, because variables and sections contain keys.
impl std::fmt::Debug for Configured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Configured")
    }
}

/// Returns the keys in the variables.
pub(crate) fn keys(environment: &Environment) -> Result<Credentials, CredentialsError> {
    let text = |variable| environment.get(variable).filter(|value| !value.trim().is_empty());
    match ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(text) {
        [Some(access_key), Some(secret_key)] => {
            Ok(Credentials::new(access_key, secret_key, text("AWS_SESSION_TOKEN"), None, "environment"))
        }
        _ => Err(CredentialsError::not_loaded("there are no keys")),
    }
}

/// Asks STS for the credentials of a role with this token.
pub(crate) async fn web_identity(
    config: &SdkConfig,
    role_arn: &str,
    token: &str,
    session_name: &str,
) -> Result<Credentials, CredentialsError> {
    let call = aws_sdk_sts::Client::new(config).assume_role_with_web_identity();
    let call = call.role_arn(role_arn).role_session_name(session_name).web_identity_token(token);
    let answer = call.send().await.map_err(CredentialsError::provider_error)?;
    let keys = answer.credentials.and_then(|keys| {
        let end = SystemTime::try_from(keys.expiration).ok()?;
        let (access_key, secret_key) = (keys.access_key_id, keys.secret_access_key);
        Some(Credentials::new(access_key, secret_key, Some(keys.session_token), Some(end), "web identity"))
    });
    let invalid = || failed(&codes::ANSWER, "sts:AssumeRoleWithWebIdentity", "the answer is not valid: it has no keys");
    Ok(keys.ok_or_else(|| Failure(invalid()))?)
}
