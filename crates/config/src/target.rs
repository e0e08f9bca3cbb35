//! One entry of `targets:`, in its short form or its full one.

use std::collections::{BTreeSet, HashMap, hash_map::Entry};

use figment::value::{Dict, Value};
use regcred_core::{Namespace, ProviderName, SecretName};

use crate::{
    AccountLink, Origin, Problem, Registries, SecretSettings, TargetEntry, Wants, ecr,
    load::{shown, unknown_key},
    secret::RawSecret,
    spec::options,
};

const KEYS: [&str; 8] =
    ["accounts", "namespace", "namespaces", "providers", "region", "registry", "secret", "service_accounts"];
/// Namespaces of the platform: their names work, but hardly anybody means them.
const SYSTEM: [&str; 3] = ["default", "openshift", "dedicated-admin"];
const SYSTEM_PREFIXES: [&str; 3] = ["kube-", "openshift-", "redhat-"];

/// Reads one entry; every problem of it at once.
pub(crate) fn read(entry: &Value, origin: &Origin, warnings: &mut Vec<Problem>) -> Result<TargetEntry, Vec<Problem>> {
    let Value::Dict(_, dict) = entry else {
        let message = format!("{} is not an entry such as {{ namespace: team-a, region: eu-west-1 }}", shown(entry));
        return Err(vec![Problem::at(origin.clone(), message)]);
    };
    let mut fields = Fields { dict, origin, problems: vec![], meant: vec![] };
    fields.refuse_unknown();
    let namespaces = fields.namespaces(warnings);
    let wants = fields.wants(warnings);
    let (secret, accounts) = (fields.secret(), fields.service_accounts());
    match (namespaces, wants, secret) {
        (Some(namespaces), Some(wants), Some(secret)) if fields.problems.is_empty() => {
            Ok(TargetEntry { namespaces, wants, secret, accounts, origin: origin.clone() })
        }
        _ => Err(fields.problems),
    }
}

/// Takes out the entries that say what an earlier one says already, and tells them.
pub(crate) fn take_repeated(targets: &mut Vec<TargetEntry>) -> Vec<Problem> {
    let mut seen = HashMap::new();
    let mut problems = vec![];
    targets.retain(|target| {
        let TargetEntry { namespaces, wants, secret, accounts, .. } = target.clone();
        match seen.entry((namespaces, wants, secret, accounts)) {
            Entry::Vacant(free) => {
                free.insert(target.origin.key.clone());
                true
            }
            Entry::Occupied(first) => {
                problems.push(Problem::at(target.origin.clone(), format!("it repeats {}", first.get())));
                false
            }
        }
    });
    problems
}

/// Each item of a list with its key.
fn listed<'a>(key: &str, list: &'a [Value]) -> Vec<(String, &'a Value)> {
    list.iter().enumerate().map(|(place, item)| (format!("{key}[{place}]"), item)).collect()
}

struct Fields<'a> {
    dict: &'a Dict,
    origin: &'a Origin,
    problems: Vec<Problem>,
    /// Keys that are there under a wrong name: nobody need be told that they are missing.
    meant: Vec<&'static str>,
}

impl Fields<'_> {
    fn refuse_unknown(&mut self) {
        for key in self.dict.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let (message, meant) = unknown_key(key, &KEYS);
            self.problems.push(Problem::at(self.origin.join(key), message));
            self.meant.extend(meant);
        }
    }

    /// `namespace: a`, `namespaces: [a, b]` or `namespaces: { include: [a, b] }`.
    fn namespaces(&mut self, warnings: &mut Vec<Problem>) -> Option<Vec<Namespace>> {
        let (one, several) = (self.dict.get("namespace"), self.dict.get("namespaces"));
        let (key, names) = match (one, several) {
            (Some(name), None) => ("namespace".to_owned(), vec![("namespace".to_owned(), name)]),
            (None, Some(Value::Array(_, names))) => ("namespaces".to_owned(), listed("namespaces", names)),
            (None, Some(Value::Dict(_, dict))) => {
                let mut is_meant = false;
                for key in dict.keys().filter(|key| *key != "include") {
                    let (message, meant) = unknown_key(key, &["include"]);
                    self.problem(&format!("namespaces.{key}"), message);
                    is_meant |= meant.is_some();
                }
                if is_meant {
                    return None;
                }
                match dict.get("include") {
                    Some(Value::Array(_, names)) => ("namespaces.include".into(), listed("namespaces.include", names)),
                    _ => ("namespaces.include".into(), vec![]),
                }
            }
            (None, Some(_)) => ("namespaces".into(), vec![]),
            (Some(_), Some(_)) => {
                self.problem("namespaces", "`namespace` names one already: leave one of the two out");
                return None;
            }
            (None, None) => {
                self.missing("namespace", "it is missing");
                return None;
            }
        };
        if names.is_empty() {
            self.problem(&key, "it is not a list of namespaces, such as [team-a, team-b]");
            return None;
        }
        let before = self.problems.len();
        let mut namespaces = vec![];
        for (key, name) in names {
            if let Some(namespace) = self.namespace(&key, name, warnings) {
                if namespaces.contains(&namespace) {
                    self.problem(&key, format!("{namespace} is there already"));
                }
                namespaces.push(namespace);
            }
        }
        (self.problems.len() == before).then_some(namespaces)
    }

    fn namespace(&mut self, key: &str, value: &Value, warnings: &mut Vec<Problem>) -> Option<Namespace> {
        let Value::String(_, text) = value else {
            self.problem(key, format!("{} is not text", shown(value)));
            return None;
        };
        if text.contains(['*', '?', '[']) {
            self.problem(key, format!("{text:?} is a pattern; here each namespace is named"));
            return None;
        }
        match Namespace::new(text) {
            Ok(namespace) => {
                if SYSTEM.contains(&text.as_str()) || SYSTEM_PREFIXES.iter().any(|prefix| text.starts_with(prefix)) {
                    let message = format!("{text} is a namespace of the platform; is that meant?");
                    warnings.push(Problem::at(self.origin.join(key), message));
                }
                Some(namespace)
            }
            Err(error) => {
                self.problem(key, error.to_string());
                None
            }
        }
    }

    fn wants(&mut self, warnings: &mut Vec<Problem>) -> Option<Wants> {
        let Some(value) = self.dict.get("providers") else { return self.registries(warnings).map(Wants::Registries) };
        if let Some(other) = ["region", "registry", "accounts"].iter().find(|key| self.dict.contains_key(**key)) {
            self.problem(other, "`providers` says already what is wanted: leave one of the two out");
            return None;
        }
        let names = match value {
            Value::Array(_, names) if !names.is_empty() => listed("providers", names),
            _ => {
                self.problem("providers", "it is not a list of names from `providers:` above, such as [pull]");
                return None;
            }
        };
        let before = self.problems.len();
        let mut providers = vec![];
        for (key, name) in names {
            match name.as_str().map(ProviderName::new) {
                Some(Ok(name)) if providers.contains(&name) => self.problem(&key, format!("{name} is there already")),
                Some(Ok(name)) => providers.push(name),
                Some(Err(error)) => self.problem(&key, error.to_string()),
                None => self.problem(&key, format!("{} is not text", shown(name))),
            }
        }
        (self.problems.len() == before).then_some(Wants::Providers(providers))
    }

    fn secret(&mut self) -> Option<SecretSettings> {
        let Some(value) = self.dict.get("secret") else { return Some(SecretSettings::default()) };
        let raw = match options::<RawSecret>(value, &self.origin.join("secret")) {
            Ok(raw) => raw,
            Err(problem) => {
                self.problems.push(problem);
                return None;
            }
        };
        if raw.merge && raw.adopt {
            self.problem("secret.adopt", "what is merged into is never taken over: leave out `merge` or `adopt`");
        }
        let name = raw.name.map_or_else(|| Ok(SecretSettings::default().name), SecretName::new);
        match name {
            Ok(name) => Some(SecretSettings { name, merge: raw.merge, adopt: raw.adopt }),
            Err(error) => {
                self.problem("secret.name", error.to_string());
                None
            }
        }
    }

    fn service_accounts(&mut self) -> Option<Vec<AccountLink>> {
        let value = self.dict.get("service_accounts")?;
        match options::<Vec<AccountLink>>(value, &self.origin.join("service_accounts")) {
            Ok(links) => {
                for (place, link) in links.iter().enumerate() {
                    let key = format!("service_accounts[{place}]");
                    if let Err(error) = SecretName::new(&link.name) {
                        let error = error.to_string().replace("Secret name", "name for a ServiceAccount");
                        self.problem(&format!("{key}.name"), error);
                    }
                    if links[..place].iter().any(|earlier| earlier.name == link.name) {
                        self.problem(&format!("{key}.name"), format!("{} is there already", link.name));
                    }
                    if link.link.is_empty() {
                        self.problem(&format!("{key}.link"), "the list is empty: `pull`, `mount` or both");
                    }
                }
                Some(links)
            }
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    fn registries(&mut self, warnings: &mut Vec<Problem>) -> Option<Registries> {
        let has = |key| self.dict.contains_key(key);
        match (has("region"), has("registry"), has("accounts")) {
            (true, false, _) => {
                let (region, accounts) = (self.region(), self.accounts());
                Some(Registries::Region { region: region?, accounts: accounts? })
            }
            (false, true, false) => self.host(warnings).map(Registries::Host),
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
                self.missing("region", "it is missing: name a `region`, or a `registry` by its host");
                None
            }
        }
    }

    fn region(&mut self) -> Option<String> {
        let text = self.text("region")?;
        match ecr::check_region(&text) {
            Ok(()) => Some(text),
            Err(message) => {
                self.problem("region", message);
                None
            }
        }
    }

    fn accounts(&mut self) -> Option<Vec<String>> {
        let list = match self.dict.get("accounts") {
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
            if !ecr::is_account(&text) {
                self.problem(&key, format!("{} is not an AWS account: it must have twelve digits", shown(value)));
            } else if !seen.insert(text.clone()) {
                self.problem(&key, format!("{text} is there already"));
            }
            accounts.push(text);
        }
        (self.problems.len() == before).then_some(accounts)
    }

    /// The host alone. A scheme, a slash at the end and upper case are harmless; a port is not, as keys match with it.
    fn host(&mut self, warnings: &mut Vec<Problem>) -> Option<String> {
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
            () if host.contains("://") => "without a scheme",
            () if host.contains(':') => "without a port",
            () if host.contains('/') => "without a repository",
            () if host.contains('*') => "without a wildcard",
            () if !formed => "such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            () => {
                if host != text {
                    let message = format!("{text:?} is taken as {host:?}");
                    warnings.push(Problem::at(self.origin.join("registry"), message));
                }
                return Some(host);
            }
        };
        self.problem("registry", format!("{text:?} is not the host of an ECR registry, {hint}"));
        None
    }

    fn text(&mut self, key: &str) -> Option<String> {
        match self.dict.get(key)? {
            Value::String(_, text) => Some(text.clone()),
            other => {
                let message = format!("{} is not text", shown(other));
                self.problem(key, message);
                None
            }
        }
    }

    fn missing(&mut self, key: &str, message: &str) {
        if !self.meant.iter().any(|meant| *meant == key || (key == "region" && *meant == "registry")) {
            self.problem(key, message);
        }
    }

    fn problem(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(Problem::at(self.origin.join(key), message));
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, Registries, Wants};

    fn problem(entry: &str) -> String {
        let problems = Config::from_yaml(&format!("targets: [{entry}]")).expect_err(entry).to_string();
        problems.strip_prefix("config: targets[0]").expect(entry).to_owned()
    }

    #[test]
    fn the_three_short_forms_are_read() {
        let yaml = "targets:\n- { namespace: a, region: eu-west-1 }\n\
                    - { namespace: a, region: us-gov-east-1, accounts: [123456789012, '000000000001', 012345678901] }\n\
                    - { namespace: b, registry: 210987654321.dkr.ecr.us-east-1.amazonaws.com }\n";
        let config = Config::from_yaml(yaml).expect("valid");
        let region = |region: &str, accounts: &[&str]| {
            let accounts = accounts.iter().map(|it| (*it).to_owned()).collect();
            Wants::Registries(Registries::Region { region: region.into(), accounts })
        };
        let wants = config.targets().iter().map(|target| target.wants.clone()).collect::<Vec<_>>();
        assert_eq!(
            wants,
            [
                region("eu-west-1", &[]),
                region("us-gov-east-1", &["123456789012", "000000000001", "012345678901"]),
                Wants::Registries(Registries::Host("210987654321.dkr.ecr.us-east-1.amazonaws.com".into())),
            ]
        );
    }

    #[test]
    fn each_bad_entry_is_told_what_is_wrong_with_it() {
        let account = "is not an AWS account: it must have twelve digits";
        let host = "is not the host of an ECR registry,";
        let cases = [
            (
                "{ namspace: b, region: eu-west-1 }",
                ".namspace: this key is not known; did you mean `namespace`?".to_owned(),
            ),
            ("{ namespace: b, regoin: eu-west-1 }", ".regoin: this key is not known; did you mean `region`?".into()),
            (
                "{ namespace: b, region: eu-west-1, x: 1 }",
                ".x: this key is not known; known are accounts, namespace, namespaces, providers, region, registry, secret, service_accounts".into(),
            ),
            ("{ region: eu-west-1 }", ".namespace: it is missing".into()),
            (
                "{ namespace: 'app-*', region: eu-west-1 }",
                ".namespace: \"app-*\" is a pattern; here each namespace is named".into(),
            ),
            ("{ namespace: 7, region: eu-west-1 }", ".namespace: 7 is not text".into()),
            (
                "{ namespace: b, region: us-esat-1 }",
                ".region: \"us-esat-1\" is not an AWS region; did you mean us-east-1?".into(),
            ),
            (
                "{ namespace: b, region: eu-moon-1 }",
                ".region: \"eu-moon-1\" is not an AWS region; such as eu-west-1".into(),
            ),
            ("{ namespace: b, region: Europe }", ".region: \"Europe\" is not an AWS region, such as eu-west-1".into()),
            (
                "{ namespace: b, region: eu-west-1, accounts: [12345678901] }",
                format!(".accounts[0]: 12345678901 {account}"),
            ),
            (
                "{ namespace: b, region: eu-west-1, accounts: [123456789012, 123456789012] }",
                ".accounts[1]: 123456789012 is there already".into(),
            ),
            (
                "{ namespace: b, region: eu-west-1, accounts: 123456789012 }",
                ".accounts: 123456789012 is not a list of AWS accounts".into(),
            ),
            (
                "{ namespace: b, region: eu-west-1, accounts: [] }",
                ".accounts: the list is empty: leave it out for the identity's own account".into(),
            ),
            (
                "{ namespace: b, accounts: [123456789012] }",
                ".region: it is missing: a token opens the registries of one region".into(),
            ),
            ("{ namespace: b, region: eu-west-1, accounts: [1e11] }", format!(".accounts[0]: 100000000000 {account}")),
            (
                "{ namespace: b, registry: 'http://123456789012.dkr.ecr.eu-west-1.amazonaws.com' }",
                format!(".registry: \"http://123456789012.dkr.ecr.eu-west-1.amazonaws.com\" {host} without a scheme"),
            ),
            (
                "{ namespace: b, registry: quay.io }",
                format!(".registry: \"quay.io\" {host} such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com"),
            ),
            (
                "{ namespace: b, registry: '123456789012.dkr.ecr.eu-west-1.amazonaws.com:443' }",
                format!(".registry: \"123456789012.dkr.ecr.eu-west-1.amazonaws.com:443\" {host} without a port"),
            ),
            (
                "{ namespace: b, registry: '*.dkr.ecr.eu-west-1.amazonaws.com' }",
                format!(".registry: \"*.dkr.ecr.eu-west-1.amazonaws.com\" {host} without a wildcard"),
            ),
            (
                "{ namespace: b, registry: x, region: eu-west-1 }",
                ".registry: its host names a region already: leave out `region`, or name `accounts` beside it".into(),
            ),
        ];
        for (entry, expected) in cases {
            assert_eq!(problem(entry), expected, "{entry}");
        }
    }

    #[test]
    fn what_is_said_twice_is_refused() {
        let yaml = "targets:\n- { namespace: a, region: eu-west-1 }\n- { namespace: a, region: eu-west-1 }\n";
        assert_eq!(
            Config::from_yaml(yaml).expect_err("twice").to_string(),
            "config: targets[1]: it repeats targets[0]"
        );
    }

    #[test]
    fn harmless_forms_are_taken_with_a_warning() {
        let yaml = "targets:\n- { namespace: kube-system, registry: 'https://210987654321.dkr.ecr.US-east-1.amazonaws.com/' }\n";
        let config = Config::from_yaml(yaml).expect("valid");
        let warnings = config.warnings().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            warnings,
            [
                "config: targets[0].namespace: kube-system is a namespace of the platform; is that meant?",
                "config: targets[0].registry: \"https://210987654321.dkr.ecr.US-east-1.amazonaws.com/\" is taken as \
             \"210987654321.dkr.ecr.us-east-1.amazonaws.com\"",
            ]
        );
    }
}
