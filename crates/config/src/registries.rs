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
    /// What the entry wants; `None` if something of it is wrong, which is told.
    pub(crate) fn wants(&mut self) -> Option<Wants> {
        if !self.has("providers") {
            return self.registries().map(Wants::Registries);
        }
        if let Some(other) = ["region", "registry", "accounts"].iter().find(|key| self.has(key)) {
            self.problem(other, "`providers` says already what is wanted: leave one of the two out");
            return None;
        }
        let names = self.list("providers", "names from `providers:` above, such as [pull]")?;
        let before = self.problems.len();
        let mut providers = vec![];
        for (key, name) in names {
            match name.as_str().map(ProviderName::new) {
                Some(Ok(name)) if providers.contains(&name) => self.problem(&key, format!("{name} is there already")),
                Some(Ok(name)) => providers.push(name),
                Some(Err(error)) => self.problem(&key, error.to_string()),
                None => self.problem(&key, format!("{} {}", shown(name), not_text(&key, sort(name)))),
            }
        }
        (self.problems.len() == before).then_some(Wants::Providers(providers))
    }

    fn registries(&mut self) -> Option<Registries> {
        match (self.has("region"), self.has("registry"), self.has("accounts")) {
            (true, false, _) => {
                let (region, accounts) = (self.region(), self.accounts());
                Some(Registries::Region { region: region?, accounts: accounts? })
            }
            (false, true, false) => self.host().map(Registries::Host),
            (true, true, _) => {
                self.problem(
                    "registry",
                    "its host names a region already: leave out `region`, or name `accounts` beside it",
                );
                None
            }
            (false, true, true) => {
                self.problem("accounts", "`registry` names an account already: leave one of the two out");
                None
            }
            (false, false, true) => {
                self.missing("region", "it is missing: a token opens the registries of one region");
                None
            }
            (false, false, false) => {
                if !self.is_misspelt("registry") && !self.is_misspelt("providers") {
                    self.missing("region", "it is missing: name a `region`, or a `registry` by its host");
                }
                None
            }
        }
    }

    fn region(&mut self) -> Option<String> {
        let text = self.text("region")?;
        match region::check(&text) {
            Ok(()) => Some(text),
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
                self.problem("accounts", format!("{} is not a list of AWS accounts", shown(other)));
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
            () if host == "public.ecr.aws" || host.starts_with("public.ecr.aws/") => {
                "which ECR Public's is not: everybody may pull from there"
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
                return Some(host);
            }
        };
        let hint = odd_character(&text).unwrap_or_else(|| hint.into());
        self.problem("registry", format!("{text:?} is not the host of an ECR registry, {hint}"));
        None
    }
}
