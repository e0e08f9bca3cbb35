//! The providers of a config, and the builders that make them.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use regcred_config::{Access, AliasName, EcrOptions, IdentityName, Origin, Partial, Problem, Registries, Spec, digest};
use regcred_core::{Error, ProviderName, Registry};
use regcred_ecr::{AccountId, Alias, EcrProvider, EcrProviderBuilder, Identity, Region, RegistryHost, Role};

use crate::types::{ECR, Types};

/// Stands for an account that only the answer names.
pub(crate) const UNKNOWN_ACCOUNT: &str = "000000000000";

/// A provider that a target may want.
#[derive(Clone, Debug)]
pub(crate) enum Provider {
    Ecr(Box<Ecr>),
    /// A provider of a type that a distribution adds and reads.
    Other(Spec),
}

/// A token, and the hosts of its logins. No hosts: the host that ECR returns with the token.
#[derive(Clone, Debug)]
pub(crate) struct Ecr {
    pub(crate) token: Token,
    pub(crate) hosts: Vec<RegistryHost>,
    access: Access,
}

/// The region and the identity of a token. Providers with equal tokens share one mint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Token {
    pub(crate) region: Region,
    /// Without accounts; with aliases only where the answer names the account.
    pub(crate) options: EcrOptions,
}

impl Provider {
    /// An entry of `providers:`; every problem of it at once.
    pub(crate) fn named(spec: &Spec, types: &Types) -> Result<Self, Vec<Problem>> {
        if spec.kind() == ECR {
            return Ecr::named(spec).map(|ecr| Self::Ecr(ecr.into()));
        }
        types.check_provider(spec)?;
        Ok(Self::Other(spec.clone()))
    }

    /// What it has a login for, as far as that is known before it mints.
    pub(crate) fn logins(&self) -> Vec<Login> {
        match self {
            Self::Ecr(ecr) if ecr.hosts.is_empty() => vec![Login::Own(ecr.token.clone().into())],
            Self::Ecr(ecr) => ecr.hosts.iter().cloned().map(Login::Host).collect(),
            Self::Other(_) => vec![],
        }
    }

    /// What its logins are for, with zeros for an account that only the answer names; `None`: it alone knows.
    pub(crate) fn registries(&self) -> Option<Vec<Registry>> {
        let Self::Ecr(ecr) = self else { return None };
        if !ecr.hosts.is_empty() {
            return Some(ecr.hosts.iter().map(RegistryHost::registry).collect());
        }
        let Token { region, options } = &ecr.token;
        let own = RegistryHost::plain(AccountId::new(UNKNOWN_ACCOUNT).ok()?, region.clone());
        let further = aliases(&options.aliases, region).into_iter().filter_map(|alias| own.under(alias).ok());
        Some(further.chain([own.clone()]).map(|host| host.registry()).collect())
    }

    /// Stands for what its credentials are, in the annotations of Secrets, which tenants read: other settings that only lead to them,
    /// such as an external id, are not in it, and could be guessed if they were.
    pub(crate) fn digest(&self) -> u64 {
        let ecr = match self {
            Self::Ecr(ecr) => ecr,
            Self::Other(spec) => return spec.digest(),
        };
        let EcrOptions { profile, web_identity, identity, role_arn, aliases, .. } = &ecr.token.options;
        let web_role = web_identity.as_ref().map(|web| &web.role_arn);
        let hosts = ecr.hosts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let whose = (profile, web_role, identity, role_arn);
        digest(&format!("{} {hosts:?} {aliases:?} {whose:?}", ecr.token.region))
    }

    /// Whether the config says that its logins are for pushing too.
    pub(crate) fn pushes(&self) -> bool {
        matches!(self, Self::Ecr(ecr) if ecr.access == Access::Push)
    }
}

/// The registries of a provider's logins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Login {
    Host(RegistryHost),
    /// The registry of the identity's own account.
    Own(Box<Token>),
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => host.fmt(f),
            Self::Own(token) => write!(f, "its own registry in {}", token.region),
        }
    }
}

impl Ecr {
    /// Of the short form: as whom the chain says.
    pub(crate) fn short(
        registries: &Registries,
        origin: &Origin,
        known: &BTreeMap<ProviderName, Provider>,
    ) -> Result<Self, Problem> {
        let at = |key: &str| {
            let origin = origin.join(key);
            move |error: Error| Problem::at(origin, error.to_string())
        };
        let (region, hosts) = match registries {
            Registries::Host(host) => {
                let host = RegistryHost::parse(host).map_err(at("registry"))?;
                (host.region().clone(), vec![host])
            }
            Registries::Region { region, accounts } => {
                let region = Region::new(region).map_err(at("region"))?;
                let hosts = plain(accounts.iter().map(String::as_str), &region).map_err(at("accounts"))?;
                (region, hosts)
            }
        };
        let options = EcrOptions::in_region(region.as_str());
        let ecr = Self { token: Token { region, options }, hosts, access: Access::Pull };
        if !known.contains_key(&ecr.name()) {
            // The fault can only be in the environment.
            ecr.token.provider().check().map_err(|error| Problem::at(origin.clone(), error.to_string()))?;
        }
        Ok(ecr)
    }

    fn named(spec: &Spec) -> Result<Self, Vec<Problem>> {
        let read = spec.partial::<EcrOptions>(&[("region", STAND_INS[0])]);
        let mut problems = read.problems.clone();
        let Some(mut options) = read.value.clone() else { return Err(problems) };
        let mut regions = STAND_INS.iter().filter_map(|name| Region::new(name).ok()).collect::<Vec<_>>();
        if !read.is_faulty("region") {
            match Region::new(&options.region) {
                Ok(region) => regions = vec![region],
                Err(error) => problems.push(spec.problem("region", error.to_string())),
            }
        }
        problems.extend(conflicts(&options, &read).into_iter().map(|(key, why)| spec.problem(key, why)));
        problems.extend(refused(spec, &options, &regions));
        let [region] = regions.as_slice() else { return Err(problems) };
        let mut hosts = vec![];
        match plain(options.accounts.iter().map(regcred_config::Account::as_str), region) {
            Ok(plain) => hosts = plain,
            Err(error) => problems.push(spec.problem("accounts", error.to_string())),
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let token = |options| Token { region: region.clone(), options };
        if !hosts.is_empty() {
            let aliases = aliases(&options.aliases, region);
            let further = hosts.iter().flat_map(|host| aliases.iter().filter_map(|alias| host.under(*alias).ok()));
            hosts.extend(further.collect::<Vec<_>>());
            hosts.sort();
            hosts.dedup();
            options.aliases.clear();
        }
        options.accounts.clear();
        let access = std::mem::take(&mut options.access); // AWS decides about that, and not the token
        Ok(Self { token: token(options), hosts, access })
    }

    /// Of the short form: the same for the same settings, in every process, for it stands in the annotations of Secrets.
    pub(crate) fn name(&self) -> ProviderName {
        let region = &self.token.region;
        let mut name = format!("ecr-{region}");
        match self.hosts.as_slice() {
            [] => {}
            [host] if *host == RegistryHost::plain(host.account().clone(), region.clone()) => {
                let _ = write!(name, "-{}", host.account());
            }
            hosts => {
                let all = hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
                let _ = write!(name, "-{:016x}", digest(&all));
            }
        }
        ProviderName::new(name).expect("a region and a number make a valid name")
    }
}

impl Token {
    /// What asks for it.
    pub(crate) fn provider(&self) -> EcrProviderBuilder {
        let Self { region, options } = self;
        let mut provider = EcrProvider::builder(region.clone())
            .with_identity(identity(options))
            .with_aliases(aliases(&options.aliases, region))
            .with_insecure_endpoint(options.allow_insecure_endpoint);
        if let Some(fips) = options.fips {
            provider = provider.with_fips(fips);
        }
        if let Some(dual_stack) = options.dual_stack {
            provider = provider.with_dual_stack(dual_stack);
        }
        if let Some(principal) = &options.principal {
            provider = provider.with_principal(principal);
        }
        if let Some(endpoint) = &options.endpoint {
            provider = provider.with_endpoint(endpoint);
        }
        provider
    }
}

fn identity(options: &EcrOptions) -> Identity {
    let identity = match (&options.profile, &options.web_identity, options.identity) {
        (Some(profile), ..) => Identity::profile(profile),
        (_, Some(web), _) => Identity::web_identity(&web.role_arn, &web.token_file),
        (_, _, Some(IdentityName::Instance)) => Identity::instance(),
        (None, None, None) => Identity::chain(),
    };
    let identity = identity.with_programs(options.programs.iter().cloned());
    let Some(arn) = &options.role_arn else { return identity };
    let mut role = Role::new(arn);
    if let Some(id) = &options.external_id {
        role = role.with_external_id(id);
    }
    if let Some(name) = &options.session_name {
        role = role.with_session_name(name);
    }
    identity.with_role(role)
}

/// A region of each partition, for checks beside a region that is missing or faulty.
const STAND_INS: [&str; 8] = [
    "eu-west-1",
    "cn-north-1",
    "us-gov-west-1",
    "eusc-de-east-1",
    "us-iso-east-1",
    "us-isob-east-1",
    "us-isof-south-1",
    "eu-isoe-west-1",
];
/// A role beside a session name, which is checked only with a role.
const STAND_IN_ROLE: &str = "arn:aws:iam::000000000000:role/x";

/// The options that are needed to check one, in a region.
type Only = fn(&EcrOptions, &Region) -> EcrOptions;
/// Options that the provider itself checks.
const ALONE: [(&str, Only); 7] = [
    ("aliases", |all, region| EcrOptions { aliases: all.aliases.clone(), ..EcrOptions::in_region(region.as_str()) }),
    ("endpoint", |all, region| {
        let (endpoint, allow_insecure_endpoint) = (all.endpoint.clone(), all.allow_insecure_endpoint);
        EcrOptions { endpoint, allow_insecure_endpoint, ..EcrOptions::in_region(region.as_str()) }
    }),
    ("principal", |all, region| EcrOptions {
        principal: all.principal.clone(),
        ..EcrOptions::in_region(region.as_str())
    }),
    ("programs", |all, region| EcrOptions { programs: all.programs.clone(), ..EcrOptions::in_region(region.as_str()) }),
    ("role_arn", |all, region| EcrOptions { role_arn: all.role_arn.clone(), ..EcrOptions::in_region(region.as_str()) }),
    ("session_name", |all, _| {
        let (role_arn, session_name) = (Some(STAND_IN_ROLE.into()), all.session_name.clone());
        EcrOptions { role_arn, session_name, ..EcrOptions::in_region(STAND_INS[0]) }
    }),
    ("web_identity.role_arn", |all, region| EcrOptions {
        web_identity: all.web_identity.clone(),
        ..EcrOptions::in_region(region.as_str())
    }),
];

/// What the provider itself would refuse in each of these regions, each option at its key.
fn refused(spec: &Spec, options: &EcrOptions, regions: &[Region]) -> Vec<Problem> {
    let refusal = |options: EcrOptions| {
        let region = Region::new(&options.region).ok()?;
        Token { region, options }.provider().check().err().map(|error| error.to_string())
    };
    let Some(first) = regions.first() else { return vec![] };
    if let Some(message) = refusal(EcrOptions::in_region(first.as_str())) {
        // It is wrong whatever the options are: the fault is in the environment.
        return vec![Problem::at(spec.origin().clone(), message)];
    }
    let problem = |(key, only): &(&str, Only)| {
        let refusals = regions.iter().map(|region| refusal(only(options, region)));
        let message = refusals.collect::<Option<Vec<_>>>()?.into_iter().next()?;
        Some(spec.problem(key, message))
    };
    ALONE.iter().filter_map(problem).collect()
}

/// Options that do not go together, each with its key.
fn conflicts(options: &EcrOptions, read: &Partial<EcrOptions>) -> Vec<(&'static str, &'static str)> {
    let is_said = |key: &str, is_valid: bool| is_valid || read.is_faulty(key);
    let sources = [
        ("profile", is_said("profile", options.profile.is_some())),
        ("web_identity", is_said("web_identity", options.web_identity.is_some())),
        ("identity", is_said("identity", options.identity.is_some())),
    ];
    let second = sources.iter().filter(|(_, there)| *there).nth(1);
    let second =
        second.map(|(key, _)| (*key, "one identity asks: leave out all but one of profile, web_identity and identity"));
    // The SDK refuses such an endpoint at each call.
    let forms = [("fips", options.fips == Some(true)), ("dual_stack", options.dual_stack == Some(true))];
    let has_endpoint = is_said("endpoint", options.endpoint.is_some());
    let forms = forms.into_iter().filter(|(_, there)| *there && has_endpoint);
    let of_a_role = [
        ("external_id", is_said("external_id", options.external_id.is_some())),
        ("session_name", is_said("session_name", options.session_name.is_some())),
    ];
    let has_role = is_said("role_arn", options.role_arn.is_some());
    let without_role = of_a_role.iter().filter(|(_, there)| *there && !has_role);
    second
        .into_iter()
        .chain(forms.map(|(key, _)| (key, "it is for the endpoints of AWS, and `endpoint` names another")))
        .chain(without_role.map(|(key, _)| (*key, "it belongs to a `role_arn`, and there is none")))
        .collect()
}

fn aliases(names: &[AliasName], region: &Region) -> Vec<Alias> {
    let aliases = names.iter().flat_map(|name| match name {
        AliasName::Fips => vec![Alias::Fips],
        AliasName::DualStack => vec![Alias::DualStack],
        AliasName::All => Alias::all(region),
    });
    aliases.collect()
}

fn plain<'a>(accounts: impl Iterator<Item = &'a str>, region: &Region) -> Result<Vec<RegistryHost>, Error> {
    let host = |account| Ok(RegistryHost::plain(AccountId::new(account)?, region.clone()));
    let mut hosts = accounts.map(host).collect::<Result<Vec<_>, Error>>()?;
    hosts.sort();
    Ok(hosts)
}
