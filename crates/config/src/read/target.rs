//! One entry of `targets:`, in its short form or its full one.

use std::collections::{HashMap, hash_map::Entry};

use figment::value::{Dict, Value};
use regcred_core::StoreName;

use super::{
    fields::Fields,
    namespaces::namespaces,
    secret::{check_secret, secret, service_accounts},
    wants::wants,
};
use crate::{
    AccountLink, CLUSTERS, Merge, Namespaces, Origin, Problem, Spec, TargetEntry,
    model::{file, secret::RawSecret, target::Doubtful},
    value::{keys::keys, shown::shown},
};

/// Values for entries that do not set them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) secret: RawSecret,
    pub(crate) accounts: Option<Vec<AccountLink>>,
}

impl Defaults {
    /// Reads the `defaults` of a file. Returns all problems too.
    pub(crate) fn read(value: &Value, origin: &Origin) -> (Self, Vec<Problem>) {
        let Value::Dict(_, dict) = value else {
            let message = format!("{} is not a map such as {{ secret: {{ name: ecr-pull }} }}", shown(value));
            return (Self::default(), vec![Problem::at(origin.clone(), message)]);
        };
        let mut fields = Fields::of::<file::Defaults>(dict, origin);
        let secret = fields.typed::<RawSecret>("secret").unwrap_or_default();
        check_secret(&mut fields, &secret);
        if secret.merge.is_some_and(Merge::is_on) && secret.adopt == Some(true) {
            fields.problem("secret.adopt", "what is merged into is never taken over: leave out `merge` or `adopt`");
        }
        let accounts = service_accounts(&mut fields);
        (Self { secret, accounts }, fields.problems)
    }
}

/// Reads one entry. Returns all of its problems at once, and its well-formed registries.
pub(crate) fn read(
    entry: &Value,
    origin: &Origin,
    defaults: &Defaults,
    sinks: &[Spec],
    warnings: &mut Vec<Problem>,
) -> Result<TargetEntry, (Vec<Problem>, Vec<Doubtful>)> {
    let Value::Dict(_, dict) = entry else {
        let message = format!("{} is not an entry such as {{ namespace: team-a, region: eu-west-1 }}", shown(entry));
        return Err((vec![Problem::at(origin.clone(), message)], vec![]));
    };
    let (own, options) = split(dict, origin, sinks).unzip();
    let mut fields = Fields::of::<file::Target>(own.as_ref().unwrap_or(dict), origin);
    let has_place = ["namespace", "namespaces"].iter().any(|key| fields.has(key));
    let is_described = !has_place && options.as_ref().is_some_and(|options| !options.is_empty());
    let namespaces = if is_described { Some(Namespaces::default()) } else { namespaces(&mut fields) };
    let (wants, sink) = (wants(&mut fields), sink(&mut fields));
    let secret = secret(&mut fields, &defaults.secret);
    let accounts =
        if fields.has("service_accounts") { service_accounts(&mut fields) } else { defaults.accounts.clone() };
    warnings.append(&mut fields.warnings);
    match (namespaces, wants, secret) {
        (Some(namespaces), Some(wants), Some(secret)) if fields.problems.is_empty() => {
            Ok(TargetEntry { namespaces, wants, sink, secret, accounts, options, origin: origin.clone() })
        }
        _ => {
            let doubtful = |registries| Doubtful { registries, origin: origin.clone() };
            Err((fields.problems, fields.registries.into_iter().map(doubtful).collect()))
        }
    }
}

/// Returns the common keys of an entry, and those that only the type of its sink understands. `None`: the sink is a cluster, whose targets
/// have common keys alone.
fn split(dict: &Dict, origin: &Origin, sinks: &[Spec]) -> Option<(Dict, Spec)> {
    let sink = match (dict.get("sink"), sinks) {
        (Some(name), _) => sinks.iter().find(|sink| name.as_str() == Some(sink.name())),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let sink = sink.filter(|sink| !CLUSTERS.contains(&sink.kind()))?;
    let known = keys::<file::Target>();
    let (own, options) = dict.clone().into_iter().partition(|(key, _)| known.contains(&key.as_str()));
    Some((own, Spec::of_target(sink.kind(), options, origin.clone())))
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
                problems.push(Problem::at(target.origin.clone(), format!("it repeats {}", first.get())));
                false
            }
        }
    });
    problems
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
                ".x: this key is not known; known are accounts, namespace, namespaces, providers, region, registry, secret, service_accounts, sink".into(),
            ),
            ("{ region: eu-west-1 }", ".namespace: it is missing".into()),
            (
                "{ namespace: 'app-*', region: eu-west-1 }",
                ".namespace: \"app-*\" is a pattern, and this is one name: write `namespaces: [\"app-*\"]`".into(),
            ),
            ("{ namespace: 7, region: eu-west-1 }", ".namespace: 7 is not text: put it in quotes".into()),
            (
                "{ namespace: b, region: us-esat-1 }",
                ".region: \"us-esat-1\" is not an AWS region; did you mean us-east-1?".into(),
            ),
            (
                "{ namespace: b, region: eu-moon-1 }",
                ".region: \"eu-moon-1\" is not an AWS region, such as eu-west-1".into(),
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
                ".accounts: 123456789012 is not a list of AWS accounts: write them in brackets, such as [\"123456789012\"]"
                    .into(),
            ),
            (
                "{ namespace: b, region: eu-west-1, accounts: [] }",
                ".accounts: the list is empty: leave it out for the identity's own account".into(),
            ),
            (
                "{ namespace: b, accounts: [123456789012] }",
                ".region: it is missing: a token opens the registries of one region".into(),
            ),
            (
                "{ namespace: b, region: eu-west-1, accounts: [1e11] }",
                ".accounts[0]: 100000000000.0 is a number with a fraction or an exponent, as Helm prints large ones: write the \
                 twelve digits in quotes"
                    .into(),
            ),
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
                "{ namespace: b, registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com, region: eu-west-1 }",
                ".registry: its host names a region already: leave out `region`, or name `accounts` beside it".into(),
            ),
        ];
        for (entry, expected) in cases {
            assert_eq!(problem(entry), expected, "{entry}");
        }
    }

    #[test]
    fn all_faults_of_an_entry_are_reported_at_once() {
        for (entry, keys) in [
            (
                "{ region: EU, registry: foo, providers: pull }",
                &["namespace", "providers", "region", "region", "registry", "registry"][..],
            ),
            (
                "{ region: EU, accounts: [1], registry: foo }",
                &["accounts[0]", "namespace", "region", "registry", "registry"],
            ),
            (
                "{ namespace: A, namespaces: [B], registries: [foo] }",
                &["namespace", "namespaces", "namespaces[0]", "registries"],
            ),
            (
                "{ namespaces: { inclde: [A], exclude: [B], selector: '=' }, sink: 7, secret: { nam: x, adopt: maybe } }",
                &[
                    "namespaces.exclude[0]",
                    "namespaces.inclde",
                    "namespaces.selector",
                    "region",
                    "secret.adopt",
                    "secret.nam",
                    "sink",
                ],
            ),
            (
                "{ namespaces: { include: [a], exclude: [B], selector: a=b }, region: 7 }",
                &["namespaces.exclude", "namespaces.exclude[0]", "namespaces.selector", "region"],
            ),
            ("{ namespaces: { exclude: [B] }, region: 7 }", &["namespaces", "namespaces.exclude[0]", "region"]),
            (
                "{ namespace: a, region: 7, secret: { annotations: { 'a b': 3, 'c d': x }, labels: { 'e f': 'g h' } } }",
                &[
                    "region",
                    "secret.annotations.a b",
                    "secret.annotations.a b",
                    "secret.annotations.c d",
                    "secret.labels.e f",
                    "secret.labels.e f",
                ],
            ),
            (
                "{ namespace: a, region: 7, secret: { merge: true, labels: { a: 1 } } }",
                &["region", "secret.labels", "secret.labels.a"],
            ),
            (
                "{ namespace: a, region: 7, service_accounts: [{ link: [x, y, pull] }, { name: A, lnk: '' }] }",
                &[
                    "region",
                    "service_accounts[0].link[0]",
                    "service_accounts[0].link[1]",
                    "service_accounts[0].name",
                    "service_accounts[1].lnk",
                    "service_accounts[1].name",
                ],
            ),
        ] {
            let problems = Config::from_yaml(&format!("targets: [{entry}]")).expect_err(entry);
            let told = problems.iter().map(|it| it.origin.as_ref().map(|it| it.key.replacen("targets[0].", "", 1)));
            let mut told = told.map(Option::unwrap_or_default).collect::<Vec<_>>();
            told.sort();
            assert_eq!(told, keys, "{entry}:\n{problems}");
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
