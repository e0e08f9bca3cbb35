//! The needs of a token and the registries that it opens, for the plan of a config.

use std::time::Duration;

use regcred_core::{Pattern, Registry, Scope};
use regcred_plan::ProviderPlan;

use super::{
    options::EcrOptions,
    token::{Token, aliases},
};
use crate::{AccountId, Environment, RegistryHost};

/// The approximate number of characters in the `auth` of a token.
pub(super) const AUTH: usize = 2_700;
/// The lifetime of a token.
pub(super) const LIFE: Duration = Duration::from_hours(12);
/// A placeholder for an account that only the answer names.
const UNKNOWN_ACCOUNT: &str = "000000000000";

/// Returns what a token needs and opens. Without hosts, it opens the host that ECR returns with the token.
pub(super) fn planned(token: &Token, hosts: &[RegistryHost], environment: &Environment) -> ProviderPlan {
    let key = token.key(environment);
    let plan = if hosts.is_empty() {
        ProviderPlan::new(Scope::Matching(own_registries(token)))
            .with_unnamed(key.as_str(), format!("its own registry in {}", token.region))
    } else {
        ProviderPlan::new(Scope::Exact(hosts.iter().map(RegistryHost::registry).collect()))
    };
    plan.with_mint(key).with_identity(public(token, hosts)).with_auth_bytes(AUTH).with_longest_life(LIFE)
}

/// Returns patterns for the registry of the caller's own account under each of its hosts, for any account.
fn own_registries(token: &Token) -> Vec<Pattern> {
    let Token { region, options } = token;
    let Ok(account) = AccountId::new(UNKNOWN_ACCOUNT) else { return vec![] };
    let own = RegistryHost::plain(account, region.clone());
    let further = aliases(&options.aliases, region).into_iter().filter_map(|alias| own.under(alias).ok());
    let hosts = further.chain([own.clone()]).map(|host| host.registry());
    let any_account = |registry: Registry| Pattern::new(registry.as_str().replacen(UNKNOWN_ACCOUNT, "*", 1)).ok();
    hosts.filter_map(any_account).collect()
}

/// Returns the settings that decide which credential is minted. Settings that only lead to it, such as an external id,
/// are not included, because tenants could guess them from the digest.
fn public(token: &Token, hosts: &[RegistryHost]) -> String {
    let hosts = hosts.iter().map(ToString::to_string).collect::<Vec<_>>();
    format!("{} {hosts:?} {:?} {}", token.region, token.options.aliases, public_identity(token))
}

/// Returns the identity of a token without its secret settings.
pub(super) fn public_identity(token: &Token) -> String {
    let EcrOptions { profile, web_identity, identity, role_arn, .. } = &token.options;
    let web_role = web_identity.as_ref().map(|web| &web.role_arn);
    format!("{:?}", (profile, web_role, identity, role_arn))
}
