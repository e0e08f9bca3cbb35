//! Targets that name registries of Amazon ECR by keys of their own.

use regcred::{
    BuiltIn, Plan, Types,
    config::{Config, Problems},
    core::{Registry, Scope},
    plan::from_yaml,
};

fn types() -> Types {
    BuiltIn::default().add_to(Types::default()).expect("they have different names")
}

fn config(yaml: &str) -> Result<Config, Problems> {
    from_yaml(yaml, &types())
}

fn problem(entry: &str) -> String {
    let problems = config(&format!("targets: [{entry}]")).expect_err(entry).to_string();
    problems.strip_prefix("config: targets[0]").expect(entry).to_owned()
}

#[test]
fn the_three_short_forms_are_read() {
    let yaml = "targets:\n- { namespace: a, region: eu-west-1 }\n\
                - { namespace: b, region: us-gov-east-1, accounts: [123456789012, '000000000001', 012345678901] }\n\
                - { namespace: c, registry: 210987654321.dkr.ecr.us-east-1.amazonaws.com }\n";
    let plan = Plan::new(&config(yaml).expect("valid"), &types()).expect("valid");
    let scopes = (0..plan.routes()).map(|route| plan.target(route).scopes).collect::<Vec<_>>();
    let govcloud = ["000000000001", "012345678901", "123456789012"];
    let exact = |hosts: &[String]| {
        let hosts = hosts.iter().map(|host| Registry::new(host).expect("a host"));
        vec![Scope::Exact(hosts.collect())]
    };
    assert!(matches!(scopes[0].as_slice(), [Scope::Matching(_)]), "{scopes:?}");
    assert_eq!(scopes[1], exact(&govcloud.map(|it| format!("{it}.dkr.ecr.us-gov-east-1.amazonaws.com"))));
    assert_eq!(scopes[2], exact(&["210987654321.dkr.ecr.us-east-1.amazonaws.com".to_owned()]));
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
            ".accounts: 123456789012 is there twice".into(),
        ),
        (
            "{ namespace: b, region: eu-west-1, accounts: 123456789012 }",
            ".accounts: a number is not a list of AWS accounts: write them in brackets, such as [\"123456789012\"]"
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
        let problems = config(&format!("targets: [{entry}]")).expect_err(entry);
        let told = problems.iter().map(|it| it.origin.as_ref().map(|it| it.key.replacen("targets[0].", "", 1)));
        let mut told = told.map(Option::unwrap_or_default).collect::<Vec<_>>();
        told.sort();
        assert_eq!(told, keys, "{entry}:\n{problems}");
    }
}

#[test]
fn harmless_forms_are_taken_with_a_warning() {
    let yaml =
        "targets:\n- { namespace: kube-system, registry: 'https://210987654321.dkr.ecr.US-east-1.amazonaws.com/' }\n";
    let config = config(yaml).expect("valid");
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
