//! The provider of a target that names a region or a registry instead of a provider. It uses the identity of the
//! process.

use std::fmt::Write as _;

use regcred_config::{Partial, Problem, Problems, Spec, codes::COMBINATION, codes::MISSING, digest};
use regcred_core::{ProviderName, odd_character};
use regcred_plan::Inline;
use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde_json::json;

use super::{
    check::SUBSTITUTES,
    options::{Account, EcrOptions, accounts, checked_region, is_account},
    planned::planned,
    region::REGION,
    token::{Token, plain},
};
use crate::{Environment, Region, RegistryHost};

/// The hosts of Amazon ECR Public.
const PUBLIC: [&str; 2] = ["public.ecr.aws", "ecr-public.aws.com"];

/// The keys of a target that names registries of Amazon ECR.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[schemars(transform = alternatives)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetKeys {
    /// Registries of Amazon ECR in this region, such as `eu-west-1`, with the identity of the process.
    #[serde(default, deserialize_with = "maybe_region")]
    #[schemars(regex(pattern = REGION))]
    region: Option<String>,
    /// With `region`: the AWS accounts that own the registries, twelve digits each. Default: the identity's own
    /// account.
    #[serde(default, deserialize_with = "accounts")]
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    accounts: Vec<Account>,
    /// One registry of Amazon ECR by its host, such as `123456789012.dkr.ecr.eu-west-1.amazonaws.com`.
    registry: Option<String>,
}

fn maybe_region<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    checked_region(deserializer).map(Some)
}

fn alternatives(keys: &mut Schema) {
    keys.insert("oneOf".into(), json!([{ "required": ["region"] }, { "required": ["registry"] }]));
    keys.insert("dependentRequired".into(), json!({ "accounts": ["region"] }));
}

/// Reads the keys of a target. Returns all problems at once.
pub(super) fn inline(keys: &Spec, environment: &Environment) -> Result<Inline<EcrOptions>, Problems> {
    let Partial { value, mut problems, .. } = keys.partial::<TargetKeys>(&[]);
    let TargetKeys { region, accounts, registry } = value.unwrap_or_default();
    let mut warnings = vec![];
    let mut wrong = |key: &str, message: String| problems.push(keys.problem(key, message));
    let region = region.and_then(|name| Region::new(name).map_err(|error| wrong("region", error.to_string())).ok());
    let accounts = accounts.iter().map(Account::as_str);
    let hosts = region
        .as_ref()
        .and_then(|region| plain(accounts, region).map_err(|error| wrong("accounts", error.to_string())).ok());
    let host = registry.and_then(|text| match host(&text) {
        Ok(host) => {
            if host != text {
                warnings.push(keys.problem("registry", format!("{text:?} is taken as {host:?}")));
            }
            RegistryHost::parse(&host).map_err(|error| wrong("registry", error.to_string())).ok()
        }
        Err(message) => {
            wrong("registry", message);
            None
        }
    });
    problems.extend(combination(keys));
    Problems::check(problems)?;
    let (region, hosts) = match (region, hosts, host) {
        (_, _, Some(host)) => (host.region().clone(), vec![host]),
        (Some(region), Some(hosts), None) => (region, hosts),
        // A key has a wrong name. That was reported already, so nothing uses this provider.
        _ => (Region::new(SUBSTITUTES[0]).expect("it is one"), vec![]),
    };
    let options = EcrOptions::in_region(region.as_str());
    let token = Token { region, options: options.clone() };
    // The fault can only be in the environment.
    token.provider(environment).check().map_err(|error| Problem::from_error(keys.origin().clone(), &error))?;
    Ok(Inline::new(name(&token.region, &hosts), options, planned(&token, &hosts, environment)).with_warnings(warnings))
}

/// Returns a problem if keys exclude each other, or if one is missing.
fn combination(keys: &Spec) -> Option<Problem> {
    let problem = |key: &str, message: &str| Some(keys.problem(key, message).with_code(&COMBINATION));
    let missing =
        |message: &str| (!keys.is_misspelt("region")).then(|| keys.problem("region", message).with_code(&MISSING));
    match ["region", "registry", "accounts"].map(|key| keys.has(key)) {
        [true, true, _] => {
            problem("registry", "its host names a region already: leave out `region`, or name `accounts` beside it")
        }
        [true, false, _] | [false, true, false] => None,
        [false, true, true] => problem("accounts", "`registry` names an account already: leave one of the two out"),
        [false, false, _] if keys.is_misspelt("registry") => None,
        [false, false, true] => missing("it is missing: a token opens the registries of one region"),
        [false, false, false] => missing("it is missing: name a `region`, or a `registry` by its host"),
    }
}

/// Reads a host. Accepts a scheme, a final slash and upper case. Refuses a port, because keys match with their port.
fn host(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    let host = lower.strip_prefix("https://").unwrap_or(&lower).trim_end_matches('/').to_owned();
    let parts = host.split('.').collect::<Vec<_>>();
    let infixes = ["ecr", "ecr-fips"];
    let account = match parts.as_slice() {
        [account, "dkr", infix, _, _, ..] if infixes.contains(infix) => Some(account),
        [account, "dkr-ecr" | "dkr-ecr-fips", _, _, ..] => Some(account),
        _ => None,
    };
    let hint = match () {
        // The text before the `@` can be a password.
        () if host.contains('@') => {
            return Err("it is not the host of an ECR registry, without a user and a password".into());
        }
        () if PUBLIC.iter().any(|public| host.split(['/', ':']).next() == Some(public)) => {
            return Err(format!(
                "{text:?} is Amazon ECR Public, whose images need no login: leave this entry out, or use a provider of type ecr-public"
            ));
        }
        () if host.contains("://") => "without a scheme",
        () if host.contains(':') => "without a port",
        () if host.contains('/') => "without a repository",
        () if host.contains('*') => "without a wildcard",
        () if !account.is_some_and(|account| is_account(account)) => {
            "such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com"
        }
        () => return Ok(host),
    };
    let hint = odd_character(text).unwrap_or_else(|| hint.into());
    Err(format!("{text:?} is not the host of an ECR registry, {hint}"))
}

/// Returns the same name for the same registries in every process, because annotations of Secrets contain it.
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
