//! Google: Artifact Registry, by workload identity federation or by the metadata server.

use std::{path::PathBuf, time::Duration};

use regcred_core::Registry;

use super::{
    google_identity::{federated, impersonation, machine},
    preset::{IdentityName, Preset, finish},
};
use crate::{
    Exchange, OptionError, anchor, codes,
    exchange::{End, Hop, Proof, User},
};

/// Logins of Google Artifact Registry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "plan", derive(serde::Deserialize, schemars::JsonSchema), serde(deny_unknown_fields))]
pub struct Google {
    /// Registries, such as `europe-docker.pkg.dev` or `eu.gcr.io`.
    pub registries: Vec<String>,
    /// The provider that trusts the token:
    /// `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.
    pub workload_identity_provider: Option<String>,
    /// File with a token that this provider trusts. It is read for every credential.
    #[cfg_attr(
        feature = "plan",
        serde(default, deserialize_with = "regcred_config::maybe_path"),
        schemars(with = "Option<PathBuf>")
    )]
    pub token_file: Option<PathBuf>,
    /// `instance`: use the metadata server instead of a token file.
    pub identity: Option<IdentityName>,
    /// Email of a service account that the identity impersonates. Default: the identity itself.
    pub service_account: Option<String>,
    /// Audience of the token, if the pod's token is used. Default: the provider as an `https` URL.
    pub audience: Option<String>,
    /// Server that gets every request instead of Google: HTTPS, or HTTP on loopback. Default: Google.
    pub endpoint: Option<String>,
    /// PEM file of authorities to trust in addition to those of the machine. Default: none.
    #[cfg_attr(
        feature = "plan",
        serde(default, deserialize_with = "regcred_config::maybe_path"),
        schemars(with = "Option<PathBuf>")
    )]
    pub ca_file: Option<PathBuf>,
}

impl Google {
    /// The longest life of an access token, unless an administrator of the organization extends it.
    pub const LIFE: Duration = Duration::from_hours(1);

    /// Returns options for a registry with the identity of the metadata server, and defaults otherwise.
    pub fn instance(registry: &str) -> Self {
        Self {
            registries: vec![registry.into()],
            workload_identity_provider: None,
            token_file: None,
            identity: Some(IdentityName::Instance),
            service_account: None,
            audience: None,
            endpoint: None,
            ca_file: None,
        }
    }

    /// Returns options for a registry with the identity of a token file, and defaults otherwise.
    pub fn federated(registry: &str, provider: &str, token_file: impl Into<PathBuf>) -> Self {
        let (token_file, provider) = (Some(token_file.into()), Some(provider.into()));
        Self { identity: None, token_file, workload_identity_provider: provider, ..Self::instance(registry) }
    }

    /// Returns the identity, and the request that turns it into an access token.
    fn identity(&self) -> Result<(Proof, Hop), OptionError> {
        let account = self.service_account.as_deref();
        match (&self.token_file, &self.workload_identity_provider, self.identity) {
            (Some(path), Some(provider), None) => federated(path, provider, self.audience.as_ref(), account),
            (None, None, Some(IdentityName::Instance)) => machine(),
            (_, _, Some(_)) => Err(OptionError::new("identity", "it excludes a token file and its provider")),
            (Some(_), None, None) => Err(OptionError::new("workload_identity_provider", "the token file needs it")),
            (None, _, None) => Err(OptionError::new("token_file", "set it and its provider, or `identity: instance`")),
        }
    }
}

impl Preset for Google {
    const NAME: &'static str = "google";
    const SERVICE: &'static str = "Google";
    const EXAMPLE: &'static str = "{ type: google, registries: [europe-docker.pkg.dev], identity: instance }";

    fn exchange(&self) -> Result<Exchange, OptionError> {
        let registries = anchor::registries(&self.registries, None)?;
        registries.iter().try_for_each(owned)?;
        let (proof, hop) = self.identity()?;
        let (mut hops, mut end) = (vec![hop], End::Seconds("expires_in".into()));
        if let Some(account) = &self.service_account {
            hops.push(impersonation(account)?);
            end = End::Timestamp("expireTime".into());
        }
        let user = User::Fixed("oauth2accesstoken".into());
        let exchange =
            Exchange { registries, proof, hops, user, end, longest_life: Some(Self::LIFE), authorities: None };
        finish(exchange, self.endpoint.as_deref(), self.ca_file.as_ref())
    }
}

/// Fails unless a registry is `LOCATION-docker.pkg.dev`, `gcr.io` or below `gcr.io`.
fn owned(registry: &Registry) -> Result<(), OptionError> {
    let host = registry.host_and_port();
    let location = host.strip_suffix("-docker.pkg.dev");
    let is_location = location.is_some_and(|it| !it.is_empty() && !it.contains('.'));
    if is_location || host == "gcr.io" { Ok(()) } else { anchor::owned("registries", registry, &["gcr.io"]) }.map_err(
        |_| {
            OptionError::with_code(
                "registries",
                &codes::FOREIGN,
                format!("{host} is not LOCATION-docker.pkg.dev or gcr.io"),
            )
        },
    )
}
