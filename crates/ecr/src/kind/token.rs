//! The token that an entry needs, and the provider that mints it.

use regcred_config::Access;
use regcred_core::Error;

use super::options::{AliasName, EcrOptions, IdentityName};
use crate::{AccountId, Alias, EcrProvider, EcrProviderBuilder, Environment, Identity, Region, RegistryHost, Role};

/// The region and the identity of a token. Entries with equal tokens share one mint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Token {
    pub(super) region: Region,
    /// The options without accounts and access. They include aliases only if the answer names the account.
    pub(super) options: EcrOptions,
}

impl Token {
    /// Returns the token of an entry. Its accounts only choose the hosts of the logins.
    pub(super) fn of(options: &EcrOptions) -> Result<Self, Error> {
        let region = Region::new(&options.region)?;
        let aliases = if options.accounts.is_empty() { options.aliases.clone() } else { vec![] };
        let options = EcrOptions { accounts: vec![], access: Access::Pull, aliases, ..options.clone() };
        Ok(Self { region, options })
    }

    /// Returns a key that is equal for equal tokens of one environment.
    pub(super) fn key(&self, environment: &Environment) -> String {
        let EcrOptions { external_id, session_name, principal, endpoint, programs, .. } = &self.options;
        let more = (external_id, session_name, principal, endpoint, programs, &self.options.aliases);
        let forms = (self.options.fips, self.options.dual_stack, self.options.allow_insecure_endpoint);
        let key = format!("{:?} {more:?} {forms:?} {}", self.options, self.options.is_public);
        match environment.id() {
            Some(id) => format!("{key} in environment {id}"),
            None => key,
        }
    }

    /// Returns the builder of its provider.
    pub(super) fn provider(&self, environment: &Environment) -> EcrProviderBuilder {
        let Self { region, options } = self;
        let builder =
            if options.is_public { EcrProvider::public_builder() } else { EcrProvider::builder(region.clone()) };
        let mut provider = builder
            .with_environment(environment.clone())
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

pub(super) fn aliases(names: &[AliasName], region: &Region) -> Vec<Alias> {
    let aliases = names.iter().flat_map(|name| match name {
        AliasName::Fips => vec![Alias::Fips],
        AliasName::DualStack => vec![Alias::DualStack],
        AliasName::All => Alias::all(region),
    });
    aliases.collect()
}

pub(super) fn plain<'a>(accounts: impl Iterator<Item = &'a str>, region: &Region) -> Result<Vec<RegistryHost>, Error> {
    let host = |account| Ok(RegistryHost::plain(AccountId::new(account)?, region.clone()));
    let mut hosts = accounts.map(host).collect::<Result<Vec<_>, Error>>()?;
    hosts.sort();
    Ok(hosts)
}
