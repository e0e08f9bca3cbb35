//! Targets with keys that name their registries: those of Amazon ECR, and those of a program.

use std::sync::Arc;

use regcred::{
    BuiltIn, Plan, ProviderPlan, ProviderType, Types, async_trait,
    config::{Config, Problems, Spec, TypeGrammar},
    core::{ProviderName, Registry, RegistryProvider, Scope, SystemClock, testing::FakeProvider},
    plan::{
        Inline, from_yaml,
        schemars::{self, JsonSchema, Schema, SchemaGenerator},
    },
};
use serde_json::json;

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
fn the_three_short_forms_of_a_target_are_parsed() {
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
fn each_invalid_ecr_target_is_reported_with_its_problem() {
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
            ".x: this key is not known; known keys: accounts, namespace, namespaces, providers, region, registry, secret, service_accounts, sink".into(),
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
            ".accounts: duplicate account 123456789012".into(),
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
fn all_errors_of_a_target_are_reported_at_once() {
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
fn harmless_spellings_are_accepted_with_a_warning() {
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

#[test]
fn each_target_with_a_harmless_spelling_gets_its_own_warning() {
    let entry = |namespace: &str| {
        format!("- {{ namespace: {namespace}, registry: 'https://210987654321.dkr.ecr.us-east-1.amazonaws.com' }}\n")
    };
    let config = config(&format!("targets:\n{}{}", entry("a"), entry("b"))).expect("valid");
    let keys = config.warnings().iter().filter_map(|it| Some(it.origin.as_ref()?.key.as_str())).collect::<Vec<_>>();
    assert_eq!(keys, ["targets[0].registry", "targets[1].registry"]);
}

/// The logins of one host. A target can also name it by `host`.
struct Hosts;

#[derive(Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Host {
    /// Such as `quay.io`.
    host: String,
}

#[async_trait]
impl ProviderType for Hosts {
    const NAME: &'static str = "hosts";
    type Options = Host;

    fn grammar(&self) -> TypeGrammar {
        TypeGrammar::new::<Host>(Self::NAME).with_target_keys(Some(&["host"]), "host: quay.io")
    }

    fn inline(&self, keys: &Spec) -> Result<Inline<Host>, Problems> {
        let options = keys.options::<Host>()?;
        let registry = Registry::new(&options.host).map_err(|error| keys.problem("host", error.to_string()))?;
        let name = ProviderName::new("hosts").expect("a valid name");
        Ok(Inline::new(name, options, ProviderPlan::new(Scope::Exact(vec![registry]))))
    }

    fn inline_schema(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(Host::json_schema(generator))
    }

    async fn make(&self, options: Host) -> regcred::core::Result<Arc<dyn RegistryProvider>> {
        Ok(Arc::new(FakeProvider::new(Arc::new(SystemClock), &options.host)))
    }
}

#[test]
fn a_custom_provider_type_serves_targets_with_its_own_keys() {
    let types = types().with_provider(Hosts).expect("no other type has its name or its key");
    let yaml = "targets: [{ namespace: a, host: quay.io }, { namespace: b, region: eu-west-1 }]";
    let plan = Plan::new(&from_yaml(yaml, &types).expect("valid"), &types).expect("valid");
    let names = plan.providers().map(ProviderName::as_str).collect::<Vec<_>>();
    assert_eq!(names, ["ecr-eu-west-1", "hosts"]);

    let problem = |entry: &str| from_yaml(&format!("targets: [{entry}]"), &types).expect_err(entry).to_string();
    assert_eq!(
        problem("{ namespace: a, host: quay.io, region: eu-west-1 }"),
        "config: targets[0].host: it is a key of type hosts, beside keys of type ecr: leave one of the two out"
    );
    assert_eq!(
        problem("{ namespace: a, hots: quay.io }"),
        "config: targets[0].hots: this key is not known; did you mean `host`?"
    );

    let schema = types.schema();
    let target = &schema["$defs"]["Target"];
    assert_eq!(target["properties"]["host"]["description"], "Such as `quay.io`.");
    let alternatives = ["providers", "region", "registry", "host"].map(|key| json!({ "required": [key] }));
    assert_eq!(target["allOf"][1]["oneOf"], json!(alternatives));
}

#[test]
fn two_provider_types_with_the_same_target_key_are_refused() {
    struct Others;

    #[async_trait]
    impl ProviderType for Others {
        const NAME: &'static str = "others";
        type Options = Host;

        fn grammar(&self) -> TypeGrammar {
            TypeGrammar::new::<Host>(Self::NAME).with_target_keys(Some(&["host"]), "host: quay.io")
        }

        async fn make(&self, options: Host) -> regcred::core::Result<Arc<dyn RegistryProvider>> {
            Hosts.make(options).await
        }
    }

    let error = Types::default().with_provider(Hosts).and_then(|types| types.with_provider(Others)).expect_err("both");
    let expected = "cannot add the type others of provider: another type reads the key host of a target";
    assert_eq!(error.chain(), expected);
}
