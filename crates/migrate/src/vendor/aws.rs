//! Amazon ECR and ECR Public.

use regcred_ecr::{Alias, PUBLIC_HOSTS, RegistryHost, password};

use super::{recognition::Vendor, source::Source};

/// Private registries. The host alone proves the vendor, because every login for it expires.
pub(super) const ECR: Vendor = Vendor {
    source: |host, _, _| {
        let host = RegistryHost::parse(host).ok()?;
        let alias = host.alias().map(|alias| match alias {
            Alias::Fips => "fips",
            Alias::DualStack => "dualstack",
            Alias::DualStackFips => "all",
        });
        Some(Source::Ecr { region: host.region().to_string(), account: host.account().to_string(), alias })
    },
    user: Some(password::USER),
    ends: password::ends_at,
    life: password::LIFE,
};

pub(super) const ECR_PUBLIC: Vendor =
    Vendor { source: |host, _, _| PUBLIC_HOSTS.contains(&host).then_some(Source::EcrPublic), ..ECR };
