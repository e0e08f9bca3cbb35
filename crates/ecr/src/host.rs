//! Accounts, regions, and the host names of their registries in every partition of AWS.

use std::{fmt, str::FromStr, sync::Arc};

use regcred_core::{Error, Registry, Result, odd_character};

use crate::codes;

/// An AWS account: twelve digits, with leading zeros.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(Arc<str>);

impl AccountId {
    /// Parses an account. Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) if the text is not twelve
    /// digits.
    pub fn new(id: impl AsRef<str>) -> Result<Self> {
        let id = id.as_ref();
        if id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(id.into()))
        } else {
            Err(invalid(format!("{id:?} is not an AWS account: it must have twelve digits")))
        }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An AWS region in a known partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region {
    name: Arc<str>,
    partition: Partition,
}

impl Region {
    /// Parses a region. Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) if the text does not look
    /// like a region of any partition.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        let name = name.as_ref();
        match Partition::of(name) {
            Some(partition) => Ok(Self { name: name.into(), partition }),
            None => Err(invalid(format!("{name:?} is not an AWS region, such as eu-west-1 or us-gov-east-1"))),
        }
    }

    /// Returns the name, such as `eu-west-1`.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Returns the domain of AWS services in this region, such as `amazonaws.com`.
    pub fn domain(&self) -> &'static str {
        self.partition.domain
    }

    /// Returns the name of the partition, as in an ARN.
    pub(crate) fn partition(&self) -> &'static str {
        self.partition.name
    }

    /// Returns the region whose API mints the tokens of ECR Public: us-east-1.
    pub(crate) fn of_public() -> Self {
        Self { name: PUBLIC_REGION.into(), partition: PARTITIONS[0] }
    }

    pub(crate) fn has(&self, alias: Alias) -> bool {
        alias == Alias::Fips || self.partition.dual_stack.is_some()
    }

    /// Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) if registries in this region have no host of
    /// this kind.
    pub(crate) fn check(&self, alias: Alias) -> Result<()> {
        if self.has(alias) { Ok(()) } else { Err(invalid(format!("registries in {self} have no {alias} host"))) }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// Another host of the same registry. Container runtimes compare image names as text, so each host that an image name
/// uses needs its own entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alias {
    /// `ACCOUNT.dkr.ecr-fips.REGION.amazonaws.com`.
    Fips,
    /// `ACCOUNT.dkr-ecr.REGION.on.aws`.
    DualStack,
    /// `ACCOUNT.dkr-ecr-fips.REGION.on.aws`.
    DualStackFips,
}

impl Alias {
    /// Returns all aliases that registries in this region have.
    pub fn all(region: &Region) -> Vec<Self> {
        [Self::Fips, Self::DualStack, Self::DualStackFips].into_iter().filter(|it| region.has(*it)).collect()
    }

    fn kind(self) -> HostKind {
        match self {
            Self::Fips => HostKind::Fips,
            Self::DualStack => HostKind::DualStack,
            Self::DualStackFips => HostKind::DualStackFips,
        }
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fips => "FIPS",
            Self::DualStack => "dual-stack",
            Self::DualStackFips => "dual-stack FIPS",
        })
    }
}

/// A partition of AWS, with the domains of its registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Partition {
    /// The name as in an ARN.
    name: &'static str,
    /// The prefixes of its region names.
    prefixes: &'static [&'static str],
    /// The domain of plain and FIPS hosts.
    domain: &'static str,
    /// The domain of dual-stack hosts, or `None` if the partition has no such hosts.
    dual_stack: Option<&'static str>,
}

/// The known partitions, with longer prefixes before shorter ones. The commercial partition is last, because its
/// prefixes are the shortest.
const PARTITIONS: [Partition; 8] = [
    Partition {
        name: "aws-cn",
        prefixes: &["cn-"],
        domain: "amazonaws.com.cn",
        dual_stack: Some("on.amazonwebservices.com.cn"),
    },
    Partition { name: "aws-us-gov", prefixes: &["us-gov-"], domain: "amazonaws.com", dual_stack: Some("on.aws") },
    Partition { name: "aws-eusc", prefixes: &["eusc-de-"], domain: "amazonaws.eu", dual_stack: None },
    Partition { name: "aws-iso-b", prefixes: &["us-isob-"], domain: "sc2s.sgov.gov", dual_stack: None },
    Partition { name: "aws-iso-f", prefixes: &["us-isof-"], domain: "csp.hci.ic.gov", dual_stack: None },
    Partition { name: "aws-iso-e", prefixes: &["eu-isoe-"], domain: "cloud.adc-e.uk", dual_stack: None },
    Partition { name: "aws-iso", prefixes: &["us-iso-"], domain: "c2s.ic.gov", dual_stack: None },
    Partition {
        name: "aws",
        prefixes: &["us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-"],
        domain: "amazonaws.com",
        dual_stack: Some("on.aws"),
    },
];

impl Partition {
    fn of(region: &str) -> Option<Self> {
        let (place, number) = region.rsplit_once('-')?;
        let numbered = matches!(number.len(), 1 | 2) && number.bytes().all(|byte| byte.is_ascii_digit());
        let words = || place.split('-');
        let worded = words().all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()));
        if !numbered || !worded || words().count() < 2 {
            return None;
        }
        // One word follows the prefix, as in the SDK's table. The SDK would assign other names to another partition.
        let follows = |prefix: &&str| place.strip_prefix(*prefix).is_some_and(|side| !side.contains('-'));
        PARTITIONS.into_iter().find(|it| it.prefixes.iter().any(follows))
    }
}

/// The region whose API mints the tokens of ECR Public.
const PUBLIC_REGION: &str = "us-east-1";

/// The hosts of ECR Public. It is one registry for all accounts and has its own tokens.
pub const PUBLIC_HOSTS: [&str; 2] = ["public.ecr.aws", "ecr-public.aws.com"];

/// The host of one ECR registry: an account in a region, in one of the forms that AWS serves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryHost {
    account: AccountId,
    region: Region,
    kind: HostKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum HostKind {
    Plain,
    Fips,
    DualStack,
    DualStackFips,
}

impl HostKind {
    /// Returns the domain of hosts of this kind, or `None` if the partition has none.
    fn domain(self, region: &Region) -> Option<&'static str> {
        match self {
            Self::Plain | Self::Fips => Some(region.partition.domain),
            Self::DualStack | Self::DualStackFips => region.partition.dual_stack,
        }
    }
}

impl RegistryHost {
    /// Returns the plain host: `ACCOUNT.dkr.ecr.REGION.amazonaws.com`, or its equivalent in another partition.
    pub fn plain(account: AccountId, region: Region) -> Self {
        Self { account, region, kind: HostKind::Plain }
    }

    /// Parses a host. The whole text must match. Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) if
    /// it is not an ECR host, or if its domain is not that of the region's partition.
    pub fn parse(host: &str) -> Result<Self> {
        let parsed = Self::parts(host).and_then(|(account, kind, rest)| {
            let (region, domain) = rest.split_once('.')?;
            let region = Region::new(region).ok()?;
            (kind.domain(&region) == Some(domain)).then_some(Self { account, region, kind })
        });
        parsed.ok_or_else(|| {
            let known =
                Self::parts(host).and_then(|(_, kind, rest)| Some((kind, Region::new(rest.split_once('.')?.0).ok()?)));
            if let Some((kind, region)) = known {
                return invalid(match kind.domain(&region) {
                    Some(domain) => {
                        format!("{host:?} is not an ECR host: in {region}, hosts of this form end in {domain}")
                    }
                    None => format!("{host:?} is not an ECR host: registries in {region} have no host of this form"),
                });
            }
            let kind = "ACCOUNT.dkr.ecr.REGION.amazonaws.com (or its like in another partition)";
            let odd = odd_character(host).map(|odd| format!(": {odd}")).unwrap_or_default();
            invalid(format!("{host:?} is not the host of an ECR registry, which is {kind}{odd}"))
        })
    }

    fn parts(host: &str) -> Option<(AccountId, HostKind, &str)> {
        let (account, rest) = host.split_once('.')?;
        let account = AccountId::new(account).ok()?;
        let kinds = [
            ("dkr.ecr.", HostKind::Plain),
            ("dkr.ecr-fips.", HostKind::Fips),
            ("dkr-ecr.", HostKind::DualStack),
            ("dkr-ecr-fips.", HostKind::DualStackFips),
        ];
        kinds.into_iter().find_map(|(infix, kind)| Some((account.clone(), kind, rest.strip_prefix(infix)?)))
    }

    /// Returns the account that owns the registry.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Returns the region of the registry. Its tokens must be minted in this region.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Returns the alias of this host, or `None` for the plain host.
    pub fn alias(&self) -> Option<Alias> {
        match self.kind {
            HostKind::Plain => None,
            HostKind::Fips => Some(Alias::Fips),
            HostKind::DualStack => Some(Alias::DualStack),
            HostKind::DualStackFips => Some(Alias::DualStackFips),
        }
    }

    /// Returns another host of the same registry. Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid)
    /// if the partition has no host of this kind.
    pub fn under(&self, alias: Alias) -> Result<Self> {
        self.region.check(alias)?;
        Ok(Self { kind: alias.kind(), ..self.clone() })
    }

    /// Returns the keys of `auths` for these hosts and for their aliases, without duplicates.
    pub(crate) fn with_aliases(hosts: &[Self], aliases: &[Alias]) -> Vec<Registry> {
        let mut registries = vec![];
        for host in hosts {
            let kinds = aliases.iter().map(|alias| Self { kind: alias.kind(), ..host.clone() });
            for registry in std::iter::once(host.clone()).chain(kinds).map(|host| host.registry()) {
                if !registries.contains(&registry) {
                    registries.push(registry);
                }
            }
        }
        registries
    }

    /// Returns the host as a key of `auths`.
    ///
    /// # Panics
    ///
    /// Never: every such host is a valid key.
    pub fn registry(&self) -> Registry {
        Registry::new(self.to_string()).expect("a host of ECR is a valid registry")
    }
}

impl FromStr for RegistryHost {
    type Err = Error;

    fn from_str(host: &str) -> Result<Self> {
        Self::parse(host)
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, region, kind } = self;
        let domain = region.partition.domain;
        let dual_stack = region.partition.dual_stack.unwrap_or(domain);
        match kind {
            HostKind::Plain => write!(f, "{account}.dkr.ecr.{region}.{domain}"),
            HostKind::Fips => write!(f, "{account}.dkr.ecr-fips.{region}.{domain}"),
            HostKind::DualStack => write!(f, "{account}.dkr-ecr.{region}.{dual_stack}"),
            HostKind::DualStackFips => write!(f, "{account}.dkr-ecr-fips.{region}.{dual_stack}"),
        }
    }
}

fn invalid(message: String) -> Error {
    Error::new(&codes::REGISTRY, message)
}

#[cfg(test)]
mod tests {
    use regcred_core::ErrorKind;

    use super::*;

    #[test]
    fn hosts_of_every_partition_and_form_are_parsed_and_written_unchanged() {
        let hosts = [
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "012345678901.dkr.ecr.us-gov-east-1.amazonaws.com",
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu",
            "123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov",
            "123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
            "123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk",
            "123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov",
            "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
            "123456789012.dkr-ecr.eu-west-1.on.aws",
            "123456789012.dkr-ecr-fips.us-east-1.on.aws",
            "123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
        ];
        for host in hosts {
            let parsed = RegistryHost::parse(host).expect(host);
            assert_eq!((parsed.to_string().as_str(), parsed.registry().as_str()), (host, host));
        }
    }

    #[test]
    fn a_host_that_only_looks_like_ecr_is_refused() {
        let hosts = [
            "",
            "12345678901.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com:443",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/x",
            "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "x123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.cn",
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com",
            "123456789012.dkr-ecr.eusc-de-east-1.amazonaws.eu",
            "123456789012.dkr.ecr..amazonaws.com",
            "123456789012.DKR.ECR.eu-west-1.amazonaws.com",
        ];
        for host in hosts {
            assert_eq!(RegistryHost::parse(host).expect_err(host).kind(), ErrorKind::Invalid);
        }
    }

    #[test]
    fn accounts_keep_leading_zeros_and_regions_have_a_number() {
        assert_eq!(AccountId::new("000000000001").expect("valid").to_string(), "000000000001");
        for bad in ["", "1", "1234567890123", "12345678901a", "-12345678901"] {
            AccountId::new(bad).expect_err(bad);
        }
        for bad in
            ["", "eu", "eu-west", "west-1", "eu-west-", "eu-west-123", "eu--1", "EU-west-1", "xx-west-1", "eu-we.st-1"]
        {
            Region::new(bad).expect_err(bad);
        }
    }
}
