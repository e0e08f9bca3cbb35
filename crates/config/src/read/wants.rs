//! The keys `providers`, `region`, `accounts` and `registry` of a target.

use std::collections::BTreeSet;

use figment::value::Value;
use regcred_core::{ProviderName, odd_character};

use super::fields::Fields;
use crate::{
    Registries, Wants,
    model::ecr::is_account,
    names::region,
    value::shown::{not_text, shown, sort},
};

/// The hosts of Amazon ECR Public.
const PUBLIC: [&str; 2] = ["public.ecr.aws", "ecr-public.aws.com"];

/// Reads the registries or providers of an entry. `None` if it reports a problem. It checks each key, also keys that exclude each other.
pub(crate) fn wants(fields: &mut Fields<'_>) -> Option<Wants> {
    let before = fields.problems.len();
    let said = ["providers", "region", "registry", "accounts"].map(|key| fields.has(key));
    let providers = said[0].then(|| provider_names(fields)).flatten();
    let region = said[1].then(|| region(fields)).flatten();
    let host = said[2].then(|| host(fields)).flatten();
    let accounts = accounts(fields);
    check_combination(fields, said);
    if fields.problems.len() > before {
        return None;
    }
    if let Some(providers) = providers {
        return Some(Wants::Providers(providers));
    }
    let host = host.map(Registries::Host);
    host.or_else(|| Some(Registries::Region { region: region?, accounts: accounts? })).map(Wants::Registries)
}

/// Reports keys that exclude each other. `said` is whether providers, region, registry and accounts are there.
fn check_combination(fields: &mut Fields<'_>, said: [bool; 4]) {
    match said {
        [true, region, registry, accounts] => {
            let others = [("region", region), ("registry", registry), ("accounts", accounts)];
            for (other, _) in others.into_iter().filter(|(_, is_said)| *is_said) {
                fields.problem(other, "`providers` says already what is wanted: leave one of the two out");
            }
        }
        [false, true, true, _] => fields
            .problem("registry", "its host names a region already: leave out `region`, or name `accounts` beside it"),
        [false, true, false, _] | [false, false, true, false] => {}
        [false, false, true, true] => {
            fields.problem("accounts", "`registry` names an account already: leave one of the two out");
        }
        [false, false, false, _] if fields.is_misspelt("registry") || fields.is_misspelt("providers") => {}
        [false, false, false, true] => {
            fields.missing("region", "it is missing: a token opens the registries of one region");
        }
        [false, false, false, false] => {
            fields.missing("region", "it is missing: name a `region`, or a `registry` by its host");
        }
    }
}

fn provider_names(fields: &mut Fields<'_>) -> Option<Vec<ProviderName>> {
    let names = fields.list("providers", "names from `providers:` above, such as [pull]")?;
    let mut providers = vec![];
    for (key, name) in names {
        match name.as_str().map(ProviderName::new) {
            Some(Ok(name)) if providers.contains(&name) => fields.problem(&key, format!("{name} is there already")),
            Some(Ok(name)) => providers.push(name),
            Some(Err(error)) => fields.problem(&key, error.to_string()),
            None => fields.problem(&key, format!("{} {}", shown(name), not_text(&key, sort(name)))),
        }
    }
    Some(providers)
}

fn region(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.text("region")?;
    match region::check(&text) {
        Ok(()) => {
            fields.registries.push(Registries::Region { region: text.clone(), accounts: vec![] });
            Some(text)
        }
        Err(message) => {
            fields.problem("region", message);
            None
        }
    }
}

fn accounts(fields: &mut Fields<'_>) -> Option<Vec<String>> {
    let list = match fields.get("accounts") {
        None => return Some(vec![]),
        Some(Value::Array(_, list)) if list.is_empty() => {
            fields.problem("accounts", "the list is empty: leave it out for the identity's own account");
            return None;
        }
        Some(Value::Array(_, list)) => list,
        Some(other) => {
            fields.problem(
                "accounts",
                format!(
                    "{} is not a list of AWS accounts: write them in brackets, such as [\"123456789012\"]",
                    shown(other)
                ),
            );
            return None;
        }
    };
    let before = fields.problems.len();
    let (mut accounts, mut seen) = (vec![], BTreeSet::new());
    for (place, value) in list.iter().enumerate() {
        let key = format!("accounts[{place}]");
        let text = match value {
            Value::String(_, text) => text.clone(),
            Value::Num(_, number) if number.to_u128().is_some() => shown(value), // a leading zero makes it text
            _ => String::new(),
        };
        if let Value::Num(_, number) = value
            && number.to_u128().is_none()
        {
            let why = "is a number with a fraction or an exponent, as Helm prints large ones";
            fields.problem(&key, format!("{} {why}: write the twelve digits in quotes", shown(value)));
        } else if !is_account(&text) {
            let odd = odd_character(&text).unwrap_or_else(|| "it must have twelve digits".into());
            fields.problem(&key, format!("{} is not an AWS account: {odd}", shown(value)));
        } else if !seen.insert(text.clone()) {
            fields.problem(&key, format!("{text} is there already"));
        }
        accounts.push(text);
    }
    (fields.problems.len() == before).then_some(accounts)
}

/// Reads a host. It accepts a scheme, a final slash and upper case. It refuses a port, because keys match with their port.
fn host(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.text("registry")?;
    let lower = text.to_ascii_lowercase();
    let host = lower.strip_prefix("https://").unwrap_or(&lower).trim_end_matches('/').to_owned();
    let parts = host.split('.').collect::<Vec<_>>();
    let infixes = ["ecr", "ecr-fips"];
    let formed = match parts.as_slice() {
        [account, "dkr", infix, _, _, ..] if infixes.contains(infix) => Some(account),
        [account, "dkr-ecr" | "dkr-ecr-fips", _, _, ..] => Some(account),
        _ => None,
    };
    let formed = formed.is_some_and(|account| is_account(account));
    let hint = match () {
        () if host.contains('@') => {
            // The text before it can be a password.
            fields.problem("registry", "it is not the host of an ECR registry, without a user and a password");
            return None;
        }
        () if PUBLIC.iter().any(|public| host.split(['/', ':']).next() == Some(public)) => {
            let message = format!("{text:?} is Amazon ECR Public, whose images need no login: leave this entry out");
            fields.problem("registry", message);
            return None;
        }
        () if host.contains("://") => "without a scheme",
        () if host.contains(':') => "without a port",
        () if host.contains('/') => "without a repository",
        () if host.contains('*') => "without a wildcard",
        () if !formed => "such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        () => {
            if host != text {
                fields.warn("registry", format!("{text:?} is taken as {host:?}"));
            }
            fields.registries.push(Registries::Host(host.clone()));
            return Some(host);
        }
    };
    let hint = odd_character(&text).unwrap_or_else(|| hint.into());
    fields.problem("registry", format!("{text:?} is not the host of an ECR registry, {hint}"));
    None
}
