//! How logins of ECR are told from those of others, for who finds them in a cluster.

use regcred_ecr::{Alias, PUBLIC_HOSTS, RegistryHost, password};

use crate::discover::Vendor;

/// Returns the vendor whose logins a config can take over: ECR.
pub fn vendor() -> Vendor {
    Vendor {
        owns: |key| RegistryHost::parse(key).is_ok() || PUBLIC_HOSTS.contains(&key),
        user: password::USER,
        ends: password::ends_at,
        life: password::LIFE,
    }
}

/// A host of ECR, as a config asks for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Host {
    pub(crate) region: String,
    pub(crate) account: String,
    /// Which of `aliases` it takes; `None`: it is the plain one.
    pub(crate) alias: Option<&'static str>,
}

/// What such a host is; `None` of one of ECR Public, or of another vendor.
pub(crate) fn host(registry: &str) -> Option<Host> {
    let host = RegistryHost::parse(registry).ok()?;
    let alias = host.alias().map(|alias| match alias {
        Alias::Fips => "fips",
        Alias::DualStack => "dualstack",
        Alias::DualStackFips => "all",
    });
    Some(Host { region: host.region().to_string(), account: host.account().to_string(), alias })
}
