//! The settings of all SDK calls: to ECR, to STS and to credential sources.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, SdkConfig, identity::IdentityCache, provider_config::ProviderConfig, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_sdk_ecr::config::Region as SdkRegion;

use crate::{host::Region, transport::Signing};

/// The time limit of one call. ECR answers in a tenth of a second, and through a slow proxy in a few seconds.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
/// The time limit of a connection. It allows for one lost packet, and fails before a user loses patience.
const CONNECT: Duration = Duration::from_secs(4);

/// The settings of the builder. The environment or the profile supplies the ones that are not set.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) region: SdkRegion,
    pub(crate) signing: Signing,
    pub(crate) fips: Option<bool>,
    pub(crate) dual_stack: Option<bool>,
}

impl Settings {
    pub(crate) fn new(region: &Region, signing: Signing, fips: Option<bool>, dual_stack: Option<bool>) -> Self {
        let region = SdkRegion::new(region.as_str().to_owned());
        Self { region, signing, fips, dual_stack }
    }

    /// Reads the environment of the process and the profile. The result has no credentials yet.
    pub(crate) async fn load(&mut self, files: EnvConfigFiles, profile: &str) -> SdkConfig {
        let mut loader = aws_config::defaults(behavior())
            .no_credentials()
            .profile_files(files)
            .profile_name(profile)
            .identity_cache(IdentityCache::no_cache()) // each mint resolves the identity again, to see rotation
            .region(self.region.clone())
            .http_client(self.signing.transport.clone())
            .time_source(self.signing.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts());
        if let Some(fips) = self.fips {
            loader = loader.use_fips(fips);
        }
        if let Some(dual_stack) = self.dual_stack {
            loader = loader.use_dual_stack(dual_stack);
        }
        let config = loader.load().await.into_builder().disable_clock_skew_correction(true).build(); // see `Signing`
        (self.fips, self.dual_stack) = (config.use_fips(), config.use_dual_stack());
        config
    }

    /// Returns the configuration for credential sources. It is new for each call, because it caches the profile.
    pub(crate) fn provider_config(&self) -> ProviderConfig {
        ProviderConfig::without_region()
            .with_behavior_version(Some(behavior()))
            .with_region(Some(self.region.clone()))
            .with_http_client(self.signing.transport.clone())
            .with_time_source(self.signing.clone())
            .with_retry_config(RetryConfig::disabled())
            .with_timeout_config(timeouts())
            .with_use_fips(self.fips)
            .with_use_dual_stack(self.dual_stack)
    }
}

pub(crate) fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).operation_timeout(DEADLINE).build()
}
