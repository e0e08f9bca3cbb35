//! One entry of `targets:`, in its short form.

use std::collections::{BTreeSet, HashMap, hash_map::Entry};

use figment::value::{Dict, Value};
use regcred_core::Namespace;

use crate::{
    Origin, Problem, Registries, TargetEntry,
    load::{shown, unknown_key},
};

const KEYS: [&str; 4] = ["accounts", "namespace", "region", "registry"];
/// How AWS calls the parts of a place: every region's name has one of them before its number.
const SIDES: [&str; 9] =
    ["central", "east", "north", "northeast", "northwest", "south", "southeast", "southwest", "west"];
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
    let namespace = fields.namespace(warnings);
    let registries = fields.registries(warnings);
    match (namespace, registries) {
        (Some(namespace), Some(registries)) if fields.problems.is_empty() => {
            Ok(TargetEntry { namespace, registries, origin: origin.clone() })
        }
        _ => Err(fields.problems),
    }
}

/// Takes out the entries that say what an earlier one says already, and tells them.
pub(crate) fn take_repeated(targets: &mut Vec<TargetEntry>) -> Vec<Problem> {
    let mut seen = HashMap::new();
    let mut problems = vec![];
    targets.retain(|target| match seen.entry((target.namespace.clone(), target.registries.clone())) {
        Entry::Vacant(free) => {
            free.insert(target.origin.key.clone());
            true
        }
        Entry::Occupied(first) => {
            problems.push(Problem::at(target.origin.clone(), format!("it repeats {}", first.get())));
            false
        }
    });
    problems
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

    fn namespace(&mut self, warnings: &mut Vec<Problem>) -> Option<Namespace> {
        if !self.dict.contains_key("namespace") {
            self.missing("namespace", "it is missing");
            return None;
        }
        let text = self.text("namespace")?;
        if text.contains(['*', '?', '[']) {
            self.problem("namespace", format!("{text:?} is a pattern; here each namespace is named"));
            return None;
        }
        match Namespace::new(&text) {
            Ok(namespace) => {
                if SYSTEM.contains(&text.as_str()) || SYSTEM_PREFIXES.iter().any(|prefix| text.starts_with(prefix)) {
                    let message = format!("{text} is a namespace of the platform; is that meant?");
                    warnings.push(Problem::at(self.origin.join("namespace"), message));
                }
                Some(namespace)
            }
            Err(error) => {
                self.problem("namespace", error.to_string());
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
        let words = text.split('-').collect::<Vec<_>>();
        let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        let is_number =
            |number: &str| matches!(number.len(), 1 | 2) && number.bytes().all(|byte| byte.is_ascii_digit());
        match words.as_slice() {
            [place @ .., side, number] if !place.is_empty() && place.iter().all(is_word) && is_number(number) => {
                if SIDES.contains(side) {
                    return Some(text);
                }
                let nearest = SIDES.iter().map(|it| (strsim::damerau_levenshtein(side, it), *it)).min();
                let hint = match nearest.filter(|(distance, _)| *distance <= 2) {
                    Some((_, meant)) => format!("did you mean {}-{meant}-{number}?", place.join("-")),
                    None => "such as eu-west-1".into(),
                };
                self.problem("region", format!("{text:?} is not an AWS region; {hint}"));
            }
            _ => self.problem("region", format!("{text:?} is not an AWS region, such as eu-west-1")),
        }
        None
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
            if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
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
        let formed =
            formed.is_some_and(|account| account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()));
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
    use crate::{Config, Registries};

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
        let region = |region: &str, accounts: &[&str]| Registries::Region {
            region: region.into(),
            accounts: accounts.iter().map(|it| (*it).to_owned()).collect(),
        };
        let registries = config.targets().iter().map(|target| target.registries.clone()).collect::<Vec<_>>();
        assert_eq!(
            registries,
            [
                region("eu-west-1", &[]),
                region("us-gov-east-1", &["123456789012", "000000000001", "012345678901"]),
                Registries::Host("210987654321.dkr.ecr.us-east-1.amazonaws.com".into()),
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
                ".x: this key is not known; known are accounts, namespace, region, registry".into(),
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
