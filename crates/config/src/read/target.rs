//! Reads one entry of `targets:`, in its short or full form.

use std::collections::{HashMap, hash_map::Entry};

use figment::value::{Dict, Value};
use regcred_core::StoreName;

use super::{
    fields::Fields,
    namespaces::namespaces,
    secret::{check_secret, secret, service_accounts},
    wants::{Read, wants},
};
use crate::{
    AccountLink, Grammar, Hint, Keys, Merge, Namespaces, Origin, Problem, Spec, TargetEntry, Wants, codes,
    model::{file, secret::RawSecret},
    value::{keys::keys, shown::shown},
};

/// Default values for entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) secret: RawSecret,
    pub(crate) accounts: Option<Vec<AccountLink>>,
}

impl Defaults {
    /// Reads the `defaults` of a file. Also returns all problems.
    pub(crate) fn read(value: &Value, origin: &Origin) -> (Self, Vec<Problem>) {
        let Value::Dict(_, dict) = value else {
            let message = format!("{} is not a map such as {{ secret: {{ name: ecr-pull }} }}", shown(value));
            return (Self::default(), vec![Problem::at(origin.clone(), message).with_code(&codes::TYPE)]);
        };
        let mut fields = Fields::of::<file::Defaults>(dict, origin);
        let secret = fields.typed::<RawSecret>("secret").unwrap_or_default();
        check_secret(&mut fields, &secret);
        if secret.merge.is_some_and(Merge::is_on) && secret.adopt == Some(true) {
            fields.report(
                "secret.adopt",
                &codes::COMBINATION,
                "regcred cannot merge into a Secret and adopt it: leave out `merge` or `adopt`",
            );
        }
        let accounts = service_accounts(&mut fields);
        (Self { secret, accounts }, fields.problems)
    }
}

/// Reads entries. It holds what all of them share.
pub(crate) struct Reader<'a> {
    grammar: &'a Grammar,
    sinks: &'a [Spec],
    defaults: &'a Defaults,
    /// The keys that every entry may have, with any sink.
    common: Vec<&'static str>,
    hints: Vec<Hint>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(grammar: &'a Grammar, sinks: &'a [Spec], defaults: &'a Defaults) -> Self {
        let inline = grammar.inline().flat_map(|it| it.target.unwrap_or_default());
        let common = keys::<file::Target>().iter().chain(inline).copied().collect();
        let hints = grammar.inline().flat_map(|it| it.hints).copied().collect();
        Self { grammar, sinks, defaults, common, hints }
    }

    /// Reads one entry. Returns all of its problems at once, and the keys that a type still has to check.
    pub(crate) fn read(
        &self,
        entry: &Value,
        origin: &Origin,
        warnings: &mut Vec<Problem>,
    ) -> Result<TargetEntry, (Vec<Problem>, Vec<Spec>)> {
        let Self { grammar, sinks, defaults, common, hints } = self;
        let Value::Dict(_, dict) = entry else {
            let message = format!("{} is not an entry such as {}", shown(entry), grammar.target_example());
            return Err((vec![Problem::at(origin.clone(), message).with_code(&codes::TYPE)], vec![]));
        };
        let sink_type = sink_type(dict, sinks);
        let described = sink_type.map_or(Some(&[][..]), |kind| grammar.sink(kind)?.target);
        let (own, options) = split(dict, common, described);
        let known = common.iter().chain(described.unwrap_or_default()).copied().collect::<Vec<_>>();
        let mut fields = Fields::with_keys(&own, origin, &known, hints);
        let has_place = ["namespace", "namespaces"].iter().any(|key| fields.has(key));
        let is_meant = described.is_some_and(|keys| fields.misspelt().iter().any(|key| keys.contains(key)));
        let is_described = !has_place && (!options.is_empty() || is_meant);
        let namespaces = if is_described {
            Some(Namespaces::default())
        } else {
            namespaces(&mut fields, described.unwrap_or_default())
        };
        let (Read { wants, mut doubtful }, sink) = (wants(&mut fields, grammar), sink(&mut fields));
        let secret = secret(&mut fields, &defaults.secret);
        let accounts =
            if fields.has("service_accounts") { service_accounts(&mut fields) } else { defaults.accounts.clone() };
        warnings.append(&mut fields.warnings);
        let options = sink_type.filter(|_| described != Some(&[])).map(|kind| {
            let hints = grammar.sink(kind).map_or(&[][..], |it| it.hints);
            Spec::of_target(kind, hints, options, origin.clone())
        });
        match (namespaces, wants, secret) {
            (Some(namespaces), Some(wants), Some(secret)) if fields.problems.is_empty() => {
                Ok(TargetEntry { namespaces, wants, sink, secret, accounts, options, origin: origin.clone() })
            }
            (_, wants, _) => {
                if let Some(Wants::Inline(keys)) = wants {
                    doubtful.push(keys);
                }
                Err((fields.problems, doubtful))
            }
        }
    }
}

/// Returns the type of the sink of an entry. `None`: the entry names no known sink.
fn sink_type<'a>(dict: &Dict, sinks: &'a [Spec]) -> Option<&'a str> {
    let sink = match (dict.get("sink"), sinks) {
        (Some(name), _) => sinks.iter().find(|sink| name.as_str() == Some(sink.name())),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    sink.map(Spec::kind)
}

/// Splits an entry into the keys that this crate checks and the keys of the type of its sink. `described`: the keys of
/// that type. `None`: any.
fn split(dict: &Dict, common: &[&str], described: Option<Keys>) -> (Dict, Dict) {
    let is_own = |key: &str| common.contains(&key) || described.is_some_and(|keys| !keys.contains(&key));
    dict.clone().into_iter().partition(|(key, _)| is_own(key))
}

fn sink(fields: &mut Fields<'_>) -> Option<StoreName> {
    let name = fields.text("sink")?;
    StoreName::new(name).map_err(|error| fields.problem("sink", error.to_string())).ok()
}

/// Removes the entries that repeat an earlier one, and returns a problem for each.
pub(crate) fn take_repeated(targets: &mut Vec<TargetEntry>) -> Vec<Problem> {
    let mut seen = HashMap::new();
    let mut problems = vec![];
    targets.retain(|target| {
        let TargetEntry { namespaces, wants, sink, secret, accounts, options, .. } = target.clone();
        match seen.entry((namespaces, wants, sink, secret, accounts, options)) {
            Entry::Vacant(free) => {
                free.insert(target.origin.name());
                true
            }
            Entry::Occupied(first) => {
                problems.push(
                    Problem::at(target.origin.clone(), format!("it repeats {}", first.get()))
                        .with_code(&codes::DUPLICATE),
                );
                false
            }
        }
    });
    problems
}

#[cfg(test)]
mod tests {
    use crate::{Wants, grammar::tests::config};

    fn problem(entry: &str) -> String {
        let problems = config(&format!("targets: [{entry}]")).expect_err(entry).to_string();
        problems.strip_prefix("config: targets[0]").expect(entry).to_owned()
    }

    #[test]
    fn provider_keys_in_a_target_make_an_inline_provider() {
        let yaml = "providers: { pull: { type: robot, host: quay.io } }\ntargets:\n- { namespace: a, host: quay.io }\n\
                    - { namespace: b, providers: [pull] }\n";
        let config = config(yaml).expect("valid");
        let [inline, named] = config.targets() else { panic!("two") };
        let Wants::Inline(keys) = &inline.wants else { panic!("{inline:?}") };
        assert_eq!((keys.kind(), keys.has("host"), keys.has("robot")), ("robot", true, false));
        assert!(matches!(&named.wants, Wants::Providers(all) if all[0].as_str() == "pull"), "{named:?}");
    }

    #[test]
    fn each_invalid_target_is_reported_with_its_problem() {
        let cases = [
            ("{ namspace: b, host: quay.io }", ".namspace: this key is not known; did you mean `namespace`?"),
            ("{ namespace: b, hots: quay.io }", ".hots: this key is not known; did you mean `host`?"),
            (
                "{ namespace: b, host: quay.io, x: 1 }",
                ".x: this key is not known; known keys: host, namespace, namespaces, providers, robot, secret, service_accounts, sink",
            ),
            ("{ namespace: b, account: x }", ".account: this key is not known; did you mean `robot`?"),
            ("{ namespace: b, host: quay.io, pin: 1 }", ".pin: this key is not known: a robot has none"),
            ("{ host: quay.io }", ".namespace: it is missing"),
            (
                "{ namespace: 'app-*', host: quay.io }",
                ".namespace: \"app-*\" is a pattern, and this is one name: write `namespaces: [\"app-*\"]`",
            ),
            ("{ namespace: 7, host: quay.io }", ".namespace: 7 is not text: put it in quotes"),
            (
                "{ namespace: b, providers: [pull], host: quay.io }",
                ".host: `providers` already selects the logins: leave one of the two out",
            ),
        ];
        for (entry, expected) in cases {
            assert_eq!(problem(entry), expected, "{entry}");
        }
    }

    #[test]
    fn a_target_must_name_providers_if_no_provider_type_has_target_keys() {
        let without = |yaml: &str| {
            let problems = crate::Config::from_yaml(yaml, &crate::Grammar::default(), |_| crate::Checked::default());
            problems.expect_err(yaml).to_string()
        };
        let missing = without("targets: [{ namespace: a }]");
        assert_eq!(missing, "config: targets[0].providers: it is missing: name entries of `providers:`");
        assert!(without("targets: []").ends_with("such as { namespace: team-a, providers: [pull] }"));
    }

    #[test]
    fn a_repeated_target_is_refused() {
        let yaml = "targets:\n- { namespace: a, host: quay.io }\n- { namespace: a, host: quay.io }\n";
        assert_eq!(config(yaml).expect_err("twice").to_string(), "config: targets[1]: it repeats targets[0]");
    }

    #[test]
    fn a_platform_namespace_is_accepted_with_a_warning() {
        let config = config("targets:\n- { namespace: kube-system, host: quay.io }\n").expect("valid");
        let warnings = config.warnings().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            warnings,
            ["config: targets[0].namespace: kube-system is a namespace of the platform; is that meant?"]
        );
    }
}
