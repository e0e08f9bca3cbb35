//! What an entry of `targets:` needs a login for.

use std::collections::BTreeSet;

use figment::value::Value;
use regcred_core::{ProviderName, odd_character};

use crate::{
    ecr,
    fields::{Fields, not_text, shown},
    region,
    spec::sort,
};

/// The hosts of Amazon ECR Public.
const PUBLIC: [&str; 2] = ["public.ecr.aws", "ecr-public.aws.com"];

/// What a target needs a login for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wants {
    /// Registries of Amazon ECR, with the identity that the process has.
    Registries(Registries),
    /// What these entries of `providers:` give; at least one.
    Providers(Vec<ProviderName>),
}

/// Which registries of Amazon ECR a target needs a login for. Formed like them; whether they exist, the provider knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Registries {
    /// Those of accounts in a region; without accounts that of the identity which asks.
    Region {
        /// Such as `eu-west-1`.
        region: String,
        /// Twelve digits each, in the order of the file, none twice.
        accounts: Vec<String>,
    },
    /// This one, by its host.
    Host(String),
}

impl Fields<'_> {
    /// What the entry wants; `None` if something of it is wrong, which is told. Each key is checked, also where keys exclude each other.
    pub(crate) fn wants(&mut self) -> Option<Wants> {
        let before = self.problems.len();
        let said = ["providers", "region", "registry", "accounts"].map(|key| self.has(key));
        let providers = said[0].then(|| self.provider_names()).flatten();
        let region = said[1].then(|| self.region()).flatten();
        let host = said[2].then(|| self.host()).flatten();
        let accounts = self.accounts();
        self.check_combination(said);
        if self.problems.len() > before {
            return None;
        }
        if let Some(providers) = providers {
            return Some(Wants::Providers(providers));
        }
        let host = host.map(Registries::Host);
        host.or_else(|| Some(Registries::Region { region: region?, accounts: accounts? })).map(Wants::Registries)
    }

    /// `said`: whether providers, region, registry and accounts are there.
    fn check_combination(&mut self, said: [bool; 4]) {
        match said {
            [true, region, registry, accounts] => {
                let others = [("region", region), ("registry", registry), ("accounts", accounts)];
                for (other, _) in others.into_iter().filter(|(_, is_said)| *is_said) {
                    self.problem(other, "`providers` says already what is wanted: leave one of the two out");
                }
            }
            [false, true, true, _] => self.problem(
                "registry",
                "its host names a region already: leave out `region`, or name `accounts` beside it",
            ),
            [false, true, false, _] | [false, false, true, false] => {}
            [false, false, true, true] => {
                self.problem("accounts", "`registry` names an account already: leave one of the two out");
            }
            [false, false, false, _] if self.is_misspelt("registry") || self.is_misspelt("providers") => {}
            [false, false, false, true] => {
                self.missing("region", "it is missing: a token opens the registries of one region");
            }
            [false, false, false, false] => {
                self.missing("region", "it is missing: name a `region`, or a `registry` by its host");
            }
        }
    }

    fn provider_names(&mut self) -> Option<Vec<ProviderName>> {
        let names = self.list("providers", "names from `providers:` above, such as [pull]")?;
        let mut providers = vec![];
        for (key, name) in names {
            match name.as_str().map(ProviderName::new) {
                Some(Ok(name)) if providers.contains(&name) => self.problem(&key, format!("{name} is there already")),
                Some(Ok(name)) => providers.push(name),
                Some(Err(error)) => self.problem(&key, error.to_string()),
                None => self.problem(&key, format!("{} {}", shown(name), not_text(&key, sort(name)))),
            }
        }
        Some(providers)
    }

    fn region(&mut self) -> Option<String> {
        let text = self.text("region")?;
        match region::check(&text) {
            Ok(()) => {
                self.registries.push(Registries::Region { region: text.clone(), accounts: vec![] });
                Some(text)
            }
            Err(message) => {
                self.problem("region", message);
                None
            }
        }
    }

    fn accounts(&mut self) -> Option<Vec<String>> {
        let list = match self.get("accounts") {
            None => return Some(vec![]),
            Some(Value::Array(_, list)) if list.is_empty() => {
                self.problem("accounts", "the list is empty: leave it out for the identity's own account");
                return None;
            }
            Some(Value::Array(_, list)) => list,
            Some(other) => {
                self.problem(
                    "accounts",
                    format!(
                        "{} is not a list of AWS accounts: write them in brackets, such as [\"123456789012\"]",
                        shown(other)
                    ),
                );
                return None;
            }
        };
        let before = self.problems.len();
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
                self.problem(&key, format!("{} {why}: write the twelve digits in quotes", shown(value)));
            } else if !ecr::is_account(&text) {
                let odd = odd_character(&text).unwrap_or_else(|| "it must have twelve digits".into());
                self.problem(&key, format!("{} is not an AWS account: {odd}", shown(value)));
            } else if !seen.insert(text.clone()) {
                self.problem(&key, format!("{text} is there already"));
            }
            accounts.push(text);
        }
        (self.problems.len() == before).then_some(accounts)
    }

    /// The host alone. A scheme, a slash at the end and upper case are harmless; a port is not, as keys match with it.
    fn host(&mut self) -> Option<String> {
        let text = self.text("registry")?;
        let lower = text.to_ascii_lowercase();
        let host = lower.strip_prefix("https://").unwrap_or(&lower).trim_end_matches('/').to_owned();
        let parts = host.split('.').collect::<Vec<_>>();
        let infixes = ["ecr", "ecr-fips"];
        let formed = match parts.as_slice() {
            [account, "dkr", infix, _, _, ..] if infixes.contains(infix) => Some(account),
            [account, "dkr-ecr" | "dkr-ecr-fips", _, _, ..] => Some(account),
            _ => None,
        };
        let formed = formed.is_some_and(|account| ecr::is_account(account));
        let hint = match () {
            () if host.contains('@') => {
                // What stands before it may be a password.
                self.problem("registry", "it is not the host of an ECR registry, without a user and a password");
                return None;
            }
            () if PUBLIC.iter().any(|public| host.split(['/', ':']).next() == Some(public)) => {
                let message =
                    format!("{text:?} is Amazon ECR Public, whose images need no login: leave this entry out");
                self.problem("registry", message);
                return None;
            }
            () if host.contains("://") => "without a scheme",
            () if host.contains(':') => "without a port",
            () if host.contains('/') => "without a repository",
            () if host.contains('*') => "without a wildcard",
            () if !formed => "such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            () => {
                if host != text {
                    self.warn("registry", format!("{text:?} is taken as {host:?}"));
                }
                self.registries.push(Registries::Host(host.clone()));
                return Some(host);
            }
        };
        let hint = odd_character(&text).unwrap_or_else(|| hint.into());
        self.problem("registry", format!("{text:?} is not the host of an ECR registry, {hint}"));
        None
    }
}
