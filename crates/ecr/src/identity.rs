//! Who asks: the SDK's chain without instance metadata.

use aws_config::{
    ecs::EcsCredentialsProvider, environment::EnvironmentVariableCredentialsProvider,
    meta::credentials::CredentialsProviderChain, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, web_identity_token::WebIdentityTokenCredentialsProvider,
};
use aws_sdk_ecr::config::Region;

/// Environment, shared profile, web identity, container credentials. The node's own role is not among them: every pod on a
/// node can reach that, so whoever wants it has to say so.
pub(crate) fn chain(region: Region) -> CredentialsProviderChain {
    let config = ProviderConfig::without_region().with_region(Some(region));
    let profile = ProfileFileCredentialsProvider::builder().configure(&config).build();
    let web_identity = WebIdentityTokenCredentialsProvider::builder().configure(&config).build();
    let container = EcsCredentialsProvider::builder().configure(&config).build();
    CredentialsProviderChain::first_try("Environment", EnvironmentVariableCredentialsProvider::new())
        .or_else("Profile", profile)
        .or_else("WebIdentityToken", web_identity)
        .or_else("EcsContainer", container)
}
