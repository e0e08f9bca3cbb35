//! Recognizes the logins of ECR for the search in a cluster.

use regcred_ecr::{Alias, PUBLIC_HOSTS, RegistryHost, password};

use crate::discover::Vendor;

/// Returns ECR, the vendor whose logins a config can take over.
pub fn vendor() -> Vendor {
    Vendor {
        owns: |key| RegistryHost::parse(key).is_ok() || PUBLIC_HOSTS.contains(&key),
        user: password::USER,
        ends: password::ends_at,
        life: password::LIFE,
    }
}

/// A host of ECR, in the terms of a config.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Host {
    pub(crate) region: String,
    pub(crate) account: String,
    /// The value of `aliases` for this host, or `None` for the plain host.
    pub(crate) alias: Option<&'static str>,
}

/// Parses a host. Returns `None` for ECR Public and for other vendors.
pub(crate) fn host(registry: &str) -> Option<Host> {
    let host = RegistryHost::parse(registry).ok()?;
    let alias = host.alias().map(|alias| match alias {
        Alias::Fips => "fips",
        Alias::DualStack => "dualstack",
        Alias::DualStackFips => "all",
    });
    Some(Host { region: host.region().to_string(), account: host.account().to_string(), alias })
}
