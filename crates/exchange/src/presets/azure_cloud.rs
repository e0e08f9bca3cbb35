//! The clouds of Azure.

use regcred_core::Registry;

use crate::{OptionError, anchor};

/// A cloud of Azure, with its own registries and its own Microsoft Entra.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AzureCloud {
    /// The public cloud: `azurecr.io`.
    Public,
    /// Azure in China: `azurecr.cn`.
    China,
    /// Azure for the government of the US: `azurecr.us`.
    UsGovernment,
    /// Azure in Germany, which existed until 2021: `azurecr.de`.
    Germany,
}

/// The clouds, with the domain of registries, the host of Entra, and the audience of federated tokens.
const CLOUDS: [(AzureCloud, &str, &str, &str); 4] = [
    (AzureCloud::Public, "azurecr.io", "login.microsoftonline.com", "api://AzureADTokenExchange"),
    (AzureCloud::China, "azurecr.cn", "login.partner.microsoftonline.cn", "api://AzureADTokenExchangeChina"),
    (AzureCloud::UsGovernment, "azurecr.us", "login.microsoftonline.us", "api://AzureADTokenExchangeUSGov"),
    (AzureCloud::Germany, "azurecr.de", "login.microsoftonline.de", "api://AzureADTokenExchange"),
];
/// The domains of all registries.
const DOMAINS: [&str; 4] = ["azurecr.io", "azurecr.cn", "azurecr.us", "azurecr.de"];

impl AzureCloud {
    /// Returns the cloud of a registry. Fails for a host that is not a registry of Azure.
    pub(super) fn of(key: &'static str, registry: &Registry) -> Result<Self, OptionError> {
        anchor::owned(key, registry, &DOMAINS)?;
        let domain = |it: &&(Self, &str, &str, &str)| anchor::owned(key, registry, &[it.1]).is_ok();
        CLOUDS.iter().find(domain).map(|it| it.0).ok_or_else(|| OptionError::new(key, "its cloud is not known"))
    }

    /// Returns the host that gives access tokens.
    pub(super) fn login_host(self) -> &'static str {
        self.row().2
    }

    /// Returns the audience that Entra requires of a federated token.
    pub(super) fn audience(self) -> &'static str {
        self.row().3
    }

    fn row(self) -> &'static (Self, &'static str, &'static str, &'static str) {
        CLOUDS.iter().find(|it| it.0 == self).expect("each cloud has a row")
    }
}
