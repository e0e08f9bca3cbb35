//! Plans of configs with the built-in types.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use regcred::{
    BuiltIn, Plan, ProviderPlan, ProviderType, Types, async_trait,
    config::{NamespaceFilter, Origin, Problems},
    core::{ProviderName, RegistryProvider, Scope, SystemClock, testing::FakeProvider},
    ecr::Environment,
    plan::{NoOptions, SinkTarget, from_yaml},
};

/// The approximate number of characters in a token of Amazon ECR.
const ECR_TOKEN: usize = 2_700;

fn types() -> Types {
    BuiltIn::default().add_to(Types::default()).expect("they have different names")
}

fn plan(yaml: &str) -> Result<Plan, String> {
    let plan = from_yaml(yaml, &types()).and_then(|config| Plan::new(&config, &types()));
    plan.map_err(|problems| problems.to_string())
}

/// Returns the key under which the first provider shares its mint.
fn mint_key(types: &Types) -> String {
    let config = from_yaml("targets:\n- { namespace: a, region: eu-west-1 }\n", types).expect("it is valid");
    let plan = Plan::new(&config, types).expect("valid");
    let provider = plan.planned_providers().values().next().expect("there is one");
    provider.mint().expect("it shares its mint").1.to_owned()
}

fn without_digest(name: &str) -> &str {
    name.rsplit_once('-').filter(|(_, digest)| digest.len() == 16).map_or(name, |(name, _)| name)
}

/// Returns the providers of each route without their digests, and the namespaces that the route names.
fn groups(plan: &Plan) -> Vec<(Vec<&str>, Vec<String>)> {
    let route = |route| {
        let providers = plan.wanted(route).iter().map(|name| without_digest(name.as_str())).collect();
        (providers, plan.target(route).namespaces.iter().map(ToString::to_string).collect())
    };
    (0..plan.routes()).map(route).collect()
}

/// Returns the providers and the namespaces of a route.
fn group<'a>(providers: &[&'a str], namespaces: &[&str]) -> (Vec<&'a str>, Vec<String>) {
    (providers.to_vec(), namespaces.iter().map(ToString::to_string).collect())
}

#[test]
fn providers_with_different_environments_share_no_mint() {
    let environment = || Environment::new([("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "canary")]);
    let of = |environment: &Environment| {
        let built_in = BuiltIn::default().with_aws_environment(environment.clone());
        mint_key(&built_in.add_to(Types::default()).expect("they have different names"))
    };
    let (one, other) = (environment(), environment());
    assert_eq!(of(&one), of(&one));
    assert_ne!(of(&one), of(&other), "their files may differ even where their variables do not");
    assert_ne!(of(&one), mint_key(&types()), "the process is not a tenant");
    assert!(!of(&one).contains("canary"));
}

#[test]
fn targets_of_one_namespace_are_merged_and_equal_targets_grouped() {
    let yaml = "targets:\n- { namespace: b, region: eu-west-1 }\n- { namespace: a, region: eu-west-1 }\n\
                - { namespace: c, region: us-east-1 }\n- { namespace: c, region: eu-west-1 }\n\
                - { namespace: d, registry: 210987654321.dkr.ecr.us-east-1.amazonaws.com }\n";
    let plan = plan(yaml).expect("valid");
    assert_eq!(
        groups(&plan),
        [
            group(&["ecr-eu-west-1"], &["a", "b"]),
            group(&["ecr-us-east-1", "ecr-eu-west-1"], &["c"]),
            group(&["ecr-us-east-1-210987654321"], &["d"]),
        ]
    );
    assert_eq!((plan.mints(), plan.providers().count(), plan.namespaces().len()), (2, 3, 4));
}

#[test]
fn providers_with_equal_settings_are_merged_under_a_stable_name() {
    let yaml = "targets:\n- { namespace: a, region: eu-west-1, accounts: [123456789012, 210987654321] }\n\
                - { namespace: b, region: eu-west-1, accounts: [210987654321, 123456789012] }\n\
                - { namespace: c, registry: 123456789012.dkr.ecr-fips.us-east-1.amazonaws.com }\n";
    let plan = plan(yaml).expect("valid");
    let names = plan.providers().map(ProviderName::as_str).collect::<Vec<_>>();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[0].starts_with("ecr-eu-west-1-") && names[0].len() == "ecr-eu-west-1-".len() + 16, "{names:?}");
}

#[test]
fn two_logins_for_one_host_in_one_secret_are_refused_at_the_second_target() {
    let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let yaml = format!(
        "targets:\n- {{ namespace: a, region: eu-west-1, accounts: [123456789012] }}\n\
         - {{ namespace: a, registry: {host} }}\n- {{ namespace: b, registry: {host} }}\n"
    );
    // One account in one region has one name, so both are one provider.
    let problems = plan(&yaml).expect_err("twice");
    assert_eq!(
        problems,
        format!("config: targets[1]: targets[0] already has a login for {host}, and a Secret can hold only one")
    );
}

#[test]
fn errors_found_by_the_provider_are_reported_with_their_keys() {
    let yaml = "targets:\n- { namespace: a, region: xx-west-1 }\n\
                - { namespace: a, registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com.cn }\n";
    let problems = plan(yaml).expect_err("wrong");
    let lines = problems.lines().collect::<Vec<_>>();
    assert!(lines[0].starts_with("config: targets[0].region: \"xx-west-1\" is not an AWS region"), "{problems}");
    assert!(lines[1].starts_with("config: targets[1].registry: ") && lines.len() == 2, "{problems}");
}

const ROLE: &str = "role_arn: 'arn:aws:iam::123456789012:role/pull'";

#[test]
fn only_named_providers_with_one_identity_share_a_token() {
    let yaml = format!(
        "providers:\n  one: {{ type: ecr, region: eu-west-1, accounts: ['123456789012'], aliases: all, {ROLE} }}\n  \
         two: {{ type: ecr, region: eu-west-1, accounts: [210987654321], {ROLE} }}\n  \
         other: {{ type: ecr, region: eu-west-1 }}\n  unused: {{ type: ecr, region: us-east-1 }}\n\
         targets:\n- {{ namespaces: [a, b], providers: [one, two] }}\n\
         - {{ namespace: a, providers: [other], secret: {{ name: mine, merge: true }}, service_accounts: [] }}\n"
    );
    let plan = plan(&yaml).expect("valid");
    assert_eq!(groups(&plan), [group(&["one", "two"], &["a", "b"]), group(&["other"], &["a"])]);
    assert_eq!((plan.mints(), plan.providers().count(), plan.namespaces().len(), plan.named_targets()), (2, 3, 2, 3));
    assert_eq!(plan.mints_for(&BTreeSet::from([1])), 1, "the other Secret of a is not written");
    let providers = plan.planned_providers();
    let one = providers.iter().find(|(name, _)| without_digest(name.as_str()) == "one").expect("it is there").1;
    let Scope::Exact(hosts) = &one.plan().scope else { panic!("they are known") };
    let hosts = hosts.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        hosts,
        [
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr-fips.eu-west-1.amazonaws.com",
            "123456789012.dkr-ecr.eu-west-1.on.aws",
            "123456789012.dkr-ecr-fips.eu-west-1.on.aws",
        ]
    );
}

#[test]
fn targets_for_one_secret_are_merged_with_their_accounts() {
    let yaml = "providers:\n  one: { type: ecr, region: eu-west-1 }\n  two: { type: ecr, region: us-east-1 }\n\
                targets:\n- { namespace: a, providers: [two] }\n\
                - { namespaces: { include: [b] }, providers: [two], service_accounts: [{ name: x }] }\n\
                - { namespace: b, providers: [two, one], service_accounts: [{ name: default }] }\n\
                - { namespace: b, providers: [one], service_accounts: [{ name: default, link: [mount] }] }\n";
    let plan = plan(yaml).expect("valid");
    assert_eq!(groups(&plan), [group(&["two"], &["a"]), group(&["two", "one"], &["b"])]);
    let accounts = plan.target(1).accounts;
    let accounts = accounts.iter().map(|it| (it.account.as_str(), it.pull, it.mount)).collect::<Vec<_>>();
    assert_eq!(accounts, [("default", true, true), ("x", true, false)]);
    let usual = plan.target(0).accounts;
    let usual = usual.iter().map(|it| (it.account.as_str(), it.pull, it.mount)).collect::<Vec<_>>();
    assert_eq!(usual, [("default", true, false), ("builder", true, true), ("pipeline", true, true)]);
}

#[test]
fn changing_the_options_of_a_provider_changes_its_recorded_name() {
    let recorded = |options: &str| {
        let yaml =
            format!("providers: {{ pull: {{ {options} }} }}\ntargets: [{{ namespace: a, providers: [pull] }}]\n");
        let plan = plan(&yaml).expect("valid");
        plan.providers().next().expect("one").to_string()
    };
    let first = recorded("type: ecr, region: eu-west-1, accounts: ['123456789012']");
    for same in [
        "region: eu-west-1, accounts: ['123456789012'], type: ecr",
        "type: ecr, region: eu-west-1, accounts: [123456789012], access: pull, aliases: []",
    ] {
        assert_eq!(recorded(same), first, "{same}");
    }
    let role = recorded(&format!("type: ecr, region: eu-west-1, {ROLE}"));
    let secret = recorded(&format!("type: ecr, region: eu-west-1, {ROLE}, external_id: '7341', session_name: ci"));
    assert_eq!(role, secret, "what tenants could guess is not in it");
    for other in [
        format!("type: ecr, region: eu-west-1, accounts: ['123456789012'], {ROLE}"),
        "type: ecr, region: eu-west-1, accounts: ['123456789012', '210987654321']".into(),
        "type: ecr, region: eu-west-1".into(),
    ] {
        assert_ne!(recorded(&other), first, "{other}");
    }
    assert_eq!(first, "pull-d0933ef992063f91", "Secrets record it, so it never changes");
}

#[test]
fn contradictory_settings_are_reported_with_their_keys() {
    let yaml = format!(
        "providers:\n  alike: {{ type: ecr, region: eu-west-1, accounts: ['123456789012'] }}\n  \
         bad: {{ type: ecr, region: eu-west-1, profile: x, identity: instance, external_id: y }}\n  \
         ecr-us-east-1: {{ type: ecr, region: us-east-1 }}\n  \
         pull: {{ type: ecr, region: eu-west-1, accounts: ['123456789012'], {ROLE} }}\n  \
         quay: {{ type: harbor }}\n  \
         role: {{ type: ecr, region: eu-west-1, role_arn: pull }}\n  \
         typo: {{ type: ecr, region: eu-west-1, rolearn: x }}\n\
         targets:\n- {{ namespaces: [a, b], providers: [alike, pull] }}\n\
         - {{ namespace: d, region: us-east-1 }}\n- {{ namespace: e, providers: [pull], secret: {{ adopt: true }} }}\n\
         - {{ namespace: e, providers: [ecr-us-east-1] }}\n\
         - {{ namespace: d, providers: [ecr-us-east-1], service_accounts: [{{ name: x }}] }}\n"
    );
    let problems = plan(&yaml).expect_err("a lot is wrong");
    let expected = [
        "providers.bad.identity: a provider has one identity: set only one of profile, web_identity and identity",
        "providers.bad.external_id: it requires a `role_arn`",
        "providers.quay.type: \"harbor\" is not a type of provider (known types: azure, ecr, ecr-public, exec, file, google, jfrog, oidc, quay, secret)",
        "providers.role.role_arn: \"pull\" is not the ARN of a role, which is arn:aws:iam::ACCOUNT:role/NAME",
        "providers.typo.rolearn: this key is not known; did you mean `role_arn`?",
        "targets[0]: another of its providers already has a login for 123456789012.dkr.ecr.eu-west-1.amazonaws.com, \
         and a Secret can hold only one",
        "targets[3].secret: targets[2] and this one write the same Secret: adopt must be the same in both",
        "targets[4]: targets[1] already has a login for its own registry in us-east-1, and a Secret can hold only one",
        "targets[4].service_accounts: targets[1] and this one write the same Secret: set `service_accounts` in both or in neither",
    ];
    assert_eq!(problems, expected.map(|it| format!("config: {it}")).join("\n"));
}

fn place<O>(target: &SinkTarget<O>) -> String {
    match &target.selection {
        Some(selection) => selection.to_string(),
        None => target.namespaces.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn places(plan: &Plan) -> Vec<(String, String)> {
    let routes = (0..plan.routes()).map(|route| plan.target(route));
    routes.map(|target| (target.origin.name(), place(&target))).collect()
}

#[test]
fn named_and_selected_namespaces_keep_the_order_of_the_config() {
    let yaml = "targets:\n- { namespaces: [b, 'x-*'], region: eu-west-1 }\n- { namespace: a, region: eu-west-1 }\n\
                - { namespaces: ['x-*'], region: us-east-1 }\n- { namespaces: { selector: t }, region: eu-west-1 }\n\
                - { namespace: x-1, region: eu-west-1 }\n";
    let plan = plan(yaml).expect("valid");
    let expected = [
        ("targets[0]", "b"),
        ("targets[0]", "x-*"),
        ("targets[1]", "a"),
        ("targets[3]", "* with t"),
        ("targets[4]", "x-1"),
    ];
    assert_eq!(places(&plan), expected.map(|(entry, place)| (entry.to_owned(), place.to_owned())));
    assert_eq!(plan.wanted(1).len(), 2, "entries that choose alike are united");
    let yields = (0..plan.routes()).map(|route| plan.yields_to(route)).collect::<Vec<_>>();
    assert_eq!(
        yields,
        [vec![], vec![], vec![], vec![0, 1, 2], vec![1, 3]],
        "who may meet an earlier choice waits for it"
    );
    assert_eq!((plan.selections(), plan.named_targets()), (vec!["* with t".into(), "x-*".into()], 3));
}

fn only(namespace: &str) -> NamespaceFilter {
    NamespaceFilter::parse(namespace).expect("a namespace")
}

#[test]
fn a_pattern_does_not_select_a_namespace_that_the_same_target_names() {
    let yaml = "targets: [{ namespaces: [x-1, 'x-*'], region: eu-west-1 }]\n";
    let mut plan = plan(yaml).expect("valid");
    let takes = |plan: &Plan, name: &str| {
        let last = plan.target(plan.routes() - 1);
        last.selection.is_some_and(|selection| selection.takes(name, &BTreeMap::new()))
    };
    assert!(takes(&plan, "x-2") && !takes(&plan, "x-1") && !takes(&plan, "y"));
    assert_eq!(plan.restrict_to(&[only("x-2"), only("y")]), Err(vec![only("y")]));
    plan.restrict_to(&[only("x-2")]).expect("it may be there");
    assert_eq!(plan.routes(), 1, "x-1 is not asked for");
    assert!(takes(&plan, "x-2") && !takes(&plan, "x-3"));
}

#[test]
fn a_named_namespace_gets_the_providers_of_every_pattern_that_matches_it() {
    let yaml = "targets:\n- { namespaces: [x-1, y, 'x-*'], region: eu-west-1 }\n- { namespaces: ['x-*'], region: us-east-1 }\n";
    let united = plan(yaml).expect("valid");
    let providers = |place: &str| {
        let route = (0..united.routes()).find(|route| self::place(&united.target(*route)) == place).expect(place);
        united.wanted(route).len()
    };
    assert_eq!((providers("x-1"), providers("y"), providers("x-*")), (2, 1, 2));
    let labelled = yaml.replace("[x-1, y, 'x-*']", "{ include: [x-1, 'x-*'], selector: t }");
    let labelled = labelled.replace("['x-*']", "{ include: ['x-*'], selector: t }");
    let told = plan(&labelled).expect_err("the labels of x-1 are not known");
    assert_eq!(
        told,
        "config: targets[1].namespaces: targets[0] names x-1, and this entry selects by labels that are not known for it: name it here too"
    );
}

#[test]
fn tokens_are_sent_over_plain_http_only_if_the_config_allows_it() {
    let of = |options: &str| {
        let options = format!("type: ecr, region: eu-west-1, {options}");
        plan(&format!("providers: {{ p: {{ {options} }} }}\ntargets: [{{ namespace: a, providers: [p] }}]\n")).map(drop)
    };
    let refused = of("endpoint: 'http://ecr.example'").expect_err("it is in clear text");
    assert_eq!(
        refused,
        "config: providers.p.endpoint: the endpoint \"http://ecr.example\" is neither HTTPS nor on loopback"
    );
    for fine in [
        "endpoint: 'http://ecr.example', allow_insecure_endpoint: true",
        "endpoint: 'https://ecr.example'",
        "endpoint: 'http://127.0.0.1:1'",
    ] {
        assert_eq!(of(fine), Ok(()), "{fine}");
    }
    of("endpoint: 'ftp://ecr.example', allow_insecure_endpoint: true").expect_err("it is not HTTP");
}

#[test]
fn the_size_of_a_secret_counts_every_host_and_may_be_unknown() {
    let bytes = |options: &str, secret: &str| {
        let yaml = format!(
            "providers: {{ pull: {{ type: ecr, region: eu-west-1, {options} }} }}\n\
             targets: [{{ namespace: a, providers: [pull], secret: {{ {secret} }} }}]\n"
        );
        plan(&yaml).expect("valid").bytes(0).expect("ECR is known")
    };
    let (one, two) = (bytes("accounts: [123456789012]", ""), bytes("accounts: [123456789012, 210987654321]", ""));
    assert!(one > ECR_TOKEN && two > 2 * ECR_TOKEN && two < 2 * one, "{one} {two}");
    assert_eq!(bytes("profile: x", ""), one, "the own account's host is as long");
    assert!(bytes("accounts: [123456789012]", "credentials: full") > one + ECR_TOKEN / 2);
    let types = types().with_provider(Fake).expect("there is no other");
    let yaml = "providers: { x: { type: fake } }\ntargets: [{ namespace: a, providers: [x] }]\n";
    let config = from_yaml(yaml, &types).expect("it is valid");
    assert_eq!(Plan::new(&config, &types).expect("valid").bytes(0), None);
}

/// A type of provider whose plan is empty before it mints.
struct Fake;

#[async_trait]
impl ProviderType for Fake {
    const NAME: &'static str = "fake";
    type Options = NoOptions;

    fn plan(&self, _: &NoOptions, _: &Origin) -> Result<ProviderPlan, Problems> {
        Ok(ProviderPlan::default())
    }

    async fn make(&self, _: NoOptions) -> regcred::core::Result<Arc<dyn RegistryProvider>> {
        Ok(Arc::new(FakeProvider::new(Arc::new(SystemClock), "r.example")))
    }
}

#[test]
fn a_plan_can_be_restricted_to_its_own_namespaces() {
    let yaml = "targets:\n- { namespace: a, region: eu-west-1 }\n- { namespace: b, region: us-east-1 }\n";
    let mut plan = plan(yaml).expect("valid");
    assert_eq!(plan.restrict_to(&[only("a"), only("x")]), Err(vec![only("x")]));
    plan.restrict_to(&[only("a")]).expect("known");
    assert_eq!((plan.namespaces().len(), plan.routes()), (1, 1));
    assert_eq!(plan.providers().map(ProviderName::as_str).collect::<Vec<_>>(), ["ecr-eu-west-1"]);
}
