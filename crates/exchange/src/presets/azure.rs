//! Azure: Container Registry, by workload identity, by a client secret, or by the metadata server.

use std::{path::PathBuf, time::Duration};

use regcred_core::Registry;

use super::{
    azure_cloud::AzureCloud,
    azure_identity::{application, machine},
    preset::{IdentityName, Preset, finish},
};
use crate::{
    Exchange, OptionError, anchor, codes,
    exchange::{Body, End, Hop, Part, Proof, ProofFile, User, fields},
};

/// Logins of Azure Container Registry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "plan", derive(serde::Deserialize, schemars::JsonSchema), serde(deny_unknown_fields))]
pub struct Azure {
    /// Host of the registry, such as `acme.azurecr.io`.
    pub host: String,
    /// Tenant of Microsoft Entra: its id or its domain. Required unless the identity is `instance`.
    pub tenant: Option<String>,
    /// Client id of the application or the managed identity. Required unless the identity is `instance`.
    pub client_id: Option<String>,
    /// File with a token that the application trusts. It is read for every credential.
    #[cfg_attr(
        feature = "plan",
        serde(default, deserialize_with = "regcred_config::maybe_path"),
        schemars(with = "Option<PathBuf>")
    )]
    pub token_file: Option<PathBuf>,
    /// File with a client secret of the application. It is read for every credential.
    #[cfg_attr(
        feature = "plan",
        serde(default, deserialize_with = "regcred_config::maybe_path"),
        schemars(with = "Option<PathBuf>")
    )]
    pub client_secret_file: Option<PathBuf>,
    /// `instance`: use the metadata server instead of a file.
    pub identity: Option<IdentityName>,
    /// Audience of the token, if the pod's token is used. Default: the one that the cloud requires.
    pub audience: Option<String>,
    /// Keys in `auths`, such as a regional host of the same registry. Default: the host.
    #[cfg_attr(feature = "plan", serde(default))]
    pub registries: Vec<String>,
    /// Server that gets every request instead of Azure: HTTPS, or HTTP on loopback. Default: Azure.
    pub endpoint: Option<String>,
    /// PEM file of authorities to trust in addition to those of the machine. Default: none.
    #[cfg_attr(
        feature = "plan",
        serde(default, deserialize_with = "regcred_config::maybe_path"),
        schemars(with = "Option<PathBuf>")
    )]
    pub ca_file: Option<PathBuf>,
}

impl Azure {
    /// The user name of every login with a refresh token.
    pub const USER: &'static str = "00000000-0000-0000-0000-000000000000";
    /// The longest life of a refresh token. It ends with the Entra token that it was exchanged for, often after 75
    /// minutes.
    pub const LIFE: Duration = Duration::from_hours(3);

    /// Returns options for a registry with the identity of the metadata server, and defaults otherwise.
    pub fn instance(host: &str) -> Self {
        Self {
            host: host.into(),
            tenant: None,
            client_id: None,
            token_file: None,
            client_secret_file: None,
            identity: Some(IdentityName::Instance),
            audience: None,
            registries: vec![],
            endpoint: None,
            ca_file: None,
        }
    }

    /// Returns options for a registry with the identity of an application, and no file yet.
    pub fn application(host: &str, tenant: &str, client_id: &str) -> Self {
        let (tenant, client_id) = (Some(tenant.into()), Some(client_id.into()));
        Self { tenant, client_id, identity: None, ..Self::instance(host) }
    }

    /// Returns the identity, and the request that turns it into an access token.
    fn identity(&self, cloud: AzureCloud) -> Result<(Proof, Hop), OptionError> {
        let application = |proof| {
            let word = |key, value: &Option<String>| {
                value.clone().ok_or_else(|| OptionError::new(key, "an application needs it"))
            };
            application(cloud, &word("tenant", &self.tenant)?, &word("client_id", &self.client_id)?, proof)
        };
        match (&self.token_file, &self.client_secret_file, self.identity) {
            (Some(path), None, None) => {
                let audience = Some(self.audience.clone().unwrap_or_else(|| cloud.audience().into()));
                application(ProofFile { key: "token_file", path: path.clone(), audience })
            }
            (None, Some(path), None) => {
                application(ProofFile { key: "client_secret_file", path: path.clone(), audience: None })
            }
            (None, None, Some(IdentityName::Instance)) => machine(self.client_id.as_ref()),
            (None, None, None) => {
                Err(OptionError::new("token_file", "set it, `client_secret_file`, or `identity: instance`"))
            }
            (_, _, Some(_)) => Err(OptionError::new("identity", "it excludes a token file and a secret file")),
            _ => Err(OptionError::new("client_secret_file", "it excludes a token file")),
        }
    }
}

impl Preset for Azure {
    const NAME: &'static str = "azure";
    const SERVICE: &'static str = "Azure";
    const EXAMPLE: &'static str = "{ type: azure, host: acme.azurecr.io, identity: instance }";

    fn exchange(&self) -> Result<Exchange, OptionError> {
        let host = anchor::host("host", &self.host)?;
        let cloud = AzureCloud::of("host", &host)?;
        let registries = anchor::registries(&self.registries, Some(&host))?;
        registries.iter().try_for_each(|it| same_registry(&host, it, cloud))?;
        let (proof, first) = self.identity(cloud)?;
        let mut body = fields([
            ("grant_type", Part::text("access_token")),
            ("service", Part::text(host.host_and_port())),
            ("access_token", Part::Token),
        ]);
        if let Some(tenant) = &self.tenant {
            anchor::word("tenant", tenant)?;
            body.push(("tenant".into(), Part::text(tenant)));
        }
        let url = anchor::https("host", &host, "/oauth2/exchange")?;
        let exchange = Exchange {
            registries,
            proof,
            hops: vec![first, Hop::new(url, Body::Form(body), "refresh_token")],
            user: User::Fixed(Self::USER.into()),
            end: End::Jwt,
            longest_life: Some(Self::LIFE),
            authorities: None,
        };
        finish(exchange, self.endpoint.as_deref(), self.ca_file.as_ref())
    }
}

/// Fails unless a registry is another host of the same one, such as `acme.westeurope.geo.azurecr.io`.
fn same_registry(host: &Registry, other: &Registry, cloud: AzureCloud) -> Result<(), OptionError> {
    let name = |it: &Registry| it.host_and_port().split('.').next().map(str::to_owned);
    if name(host) == name(other) && AzureCloud::of("registries", other)? == cloud {
        return Ok(());
    }
    let reason = format!("{} is not a host of the registry {}", other.host_and_port(), host.host_and_port());
    Err(OptionError::with_code("registries", &codes::FOREIGN, reason))
}
