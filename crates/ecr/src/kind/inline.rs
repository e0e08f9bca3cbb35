//! The provider of a target that names a region or a registry, and no provider: it asks with the identity that the process has.

use std::fmt::Write as _;

use regcred_config::{EcrOptions, Origin, Problem, Registries, digest};
use regcred_core::{Error, ProviderName};
use regcred_plan::Inline;

use super::{
    planned::planned,
    token::{Token, plain},
};
use crate::{Environment, Region, RegistryHost};

pub(super) fn inline(
    registries: &Registries,
    at: &Origin,
    environment: &Environment,
) -> Result<Inline<EcrOptions>, Problem> {
    let wrong = |key: &str| {
        let at = at.join(key);
        move |error: Error| Problem::at(at, error.to_string())
    };
    let (region, hosts) = match registries {
        Registries::Host(host) => {
            let host = RegistryHost::parse(host).map_err(wrong("registry"))?;
            (host.region().clone(), vec![host])
        }
        Registries::Region { region, accounts } => {
            let region = Region::new(region).map_err(wrong("region"))?;
            let hosts = plain(accounts.iter().map(String::as_str), &region).map_err(wrong("accounts"))?;
            (region, hosts)
        }
    };
    let options = EcrOptions::in_region(region.as_str());
    let token = Token { region, options: options.clone() };
    // The fault can only be in the environment.
    token.provider(environment).check().map_err(|error| Problem::at(at.clone(), error.to_string()))?;
    Ok(Inline::new(name(&token.region, &hosts), options, planned(&token, &hosts, environment)))
}

/// The same name for the same registries, in every process: it is in the annotations of Secrets.
fn name(region: &Region, hosts: &[RegistryHost]) -> ProviderName {
    let mut name = format!("ecr-{region}");
    match hosts {
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
