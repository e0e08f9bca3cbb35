//! The types of the presets in a config.

use std::{cell::RefCell, sync::Arc, time::Duration};

use regcred_config::{Checked, Config};
use regcred_core::{Scope, SystemClock};
use regcred_exchange::{Azure, ExchangeType, Google, Jfrog, Oidc, Preset, Quay};
use regcred_plan::{ProviderPlan, ProviderType, Types, schemars::JsonSchema};
use serde::de::DeserializeOwned;

const TOKEN: &str = "token_file: /var/run/secrets/regcred/token";
const POOL: &str = "projects/1/locations/global/workloadIdentityPools/pool/providers/cluster";

fn types() -> Types {
    let types = Types::default().with_provider(ExchangeType::<Google>::default()).expect("new");
    let types = types.with_provider(ExchangeType::<Azure>::default()).expect("new");
    let types = types.with_provider(ExchangeType::<Quay>::default()).expect("new");
    let types = types.with_provider(ExchangeType::<Jfrog>::default()).expect("new");
    types.with_provider(ExchangeType::<Oidc>::default()).expect("new")
}

/// Returns the plan of an entry with these options, or the text of its problems.
fn planned<P: Preset + DeserializeOwned + JsonSchema>(options: &str) -> Result<ProviderPlan, String> {
    let text = format!("providers:\n  it: {{ type: {}, {options} }}\ntargets: []\n", P::NAME);
    let kind = ExchangeType::<P>::default().with_clock(Arc::new(SystemClock));
    let planned = RefCell::new(None);
    // Whether the rest of the config is valid does not matter.
    let _ = Config::from_yaml(&text, &types().grammar(), |config| {
        let entry = config.providers().first().expect("it is well-formed");
        let plan = kind.read(entry).and_then(|options| kind.plan(&options, entry.origin()));
        *planned.borrow_mut() = Some(plan.map_err(|problems| problems.to_string()));
        Checked::default()
    });
    planned.into_inner().unwrap_or_else(|| panic!("{text} is not a config"))
}

/// The needs of an entry: registries, servers, options with files, audience and longest life.
type Needs<'a> = (Vec<String>, Vec<&'a str>, Vec<&'a str>, Option<&'a str>, Option<Duration>);

fn needs(plan: &ProviderPlan) -> Needs<'_> {
    let Scope::Exact(registries) = &plan.scope else { panic!("{plan:?}") };
    let registries = registries.iter().map(ToString::to_string).collect();
    let egress = plan.egress.iter().map(String::as_str).collect();
    let files = plan.files.iter().map(|file| file.key.as_str()).collect();
    (registries, egress, files, plan.tokens.values().next().map(String::as_str), plan.longest_life)
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn a_plan_has_registries_servers_files_audience_and_life() {
    let hours = |it| Some(Duration::from_hours(it));
    let quay = planned::<Quay>(&format!("host: quay.io, username: acme+puller, {TOKEN}")).expect("valid");
    let expected = (texts(&["quay.io"]), vec!["quay.io:443"], vec!["token_file"], Some("quay.io"), None);
    assert_eq!(needs(&quay), expected);

    let jfrog =
        planned::<Jfrog>("host: acme.jfrog.io, provider_name: cluster, token_file: /t, ca_file: /ca").expect("valid");
    let expected = (texts(&["acme.jfrog.io"]), vec!["acme.jfrog.io:443"], vec!["token_file", "ca_file"], None, None);
    assert_eq!(needs(&jfrog), expected);

    let account = "service_account: puller@acme.iam.gserviceaccount.com";
    let options = format!("registries: [gcr.io, eu.gcr.io], workload_identity_provider: {POOL}, {TOKEN}, {account}");
    let google = planned::<Google>(&options).expect("valid");
    let audience = format!("https://iam.googleapis.com/{POOL}");
    let servers = vec!["iamcredentials.googleapis.com:443", "sts.googleapis.com:443"];
    let expected = (texts(&["eu.gcr.io", "gcr.io"]), servers, vec!["token_file"], Some(audience.as_str()), hours(1));
    assert_eq!(needs(&google), expected);

    let options = format!("host: acme.azurecr.us, tenant: t, client_id: c, {TOKEN}");
    let azure = planned::<Azure>(&options).expect("valid");
    let servers = vec!["acme.azurecr.us:443", "login.microsoftonline.us:443"];
    let audience = Some("api://AzureADTokenExchangeUSGov");
    assert_eq!(needs(&azure), (texts(&["acme.azurecr.us"]), servers, vec!["token_file"], audience, hours(3)));

    let options = "host: acme.azurecr.io, tenant: t, client_id: c, client_secret_file: /s";
    assert_eq!(needs(&planned::<Azure>(options).expect("valid")).2, ["client_secret_file"]);
    let machine = planned::<Azure>("host: acme.azurecr.io, identity: instance").expect("valid");
    assert_eq!(needs(&machine).1, ["169.254.169.254:80", "acme.azurecr.io:443"]);

    let options = format!(
        "token_url: 'https://id.example:8443/t', registries: [r.example], username: u, expiry: life, life: 50m, \
         audience: registry, fields: {{ client_secret: '{{token}}', grant_type: client_credentials }}, {TOKEN}"
    );
    let oidc = planned::<Oidc>(&options).expect("valid");
    let life = Some(Duration::from_mins(50));
    let expected = (texts(&["r.example"]), vec!["id.example:8443"], vec!["token_file"], Some("registry"), life);
    assert_eq!(needs(&oidc), expected);
}

#[test]
fn problems_name_their_option() {
    let oidc = format!("registries: [r.example], {TOKEN}");
    let url = "token_url: 'https://id.example/t'";
    for (problem, key) in [
        (planned::<Quay>(&format!("host: quay.io, username: puller, {TOKEN}")), "username"),
        (planned::<Quay>(&format!("host: 'https://quay.io', username: a+b, {TOKEN}")), "host"),
        (planned::<Quay>("host: quay.io, username: a+b, token_file: ~/t"), "token_file"),
        (planned::<Quay>(&format!("host: quay.io, username: a+b, {TOKEN}, hosts: x")), "hosts"),
        (planned::<Jfrog>(&format!("host: a.jfrog.io, provider_name: '', {TOKEN}")), "provider_name"),
        (planned::<Google>("registries: [docker.io], identity: instance"), "registries"),
        (planned::<Google>("registries: [], identity: instance"), "registries"),
        (planned::<Google>("registries: [gcr.io]"), "token_file"),
        (planned::<Google>(&format!("registries: [gcr.io], {TOKEN}")), "workload_identity_provider"),
        (planned::<Google>(&format!("registries: [gcr.io], identity: instance, {TOKEN}")), "identity"),
        (planned::<Azure>("host: quay.io, identity: instance"), "host"),
        (planned::<Azure>("host: a.azurecr.io"), "token_file"),
        (planned::<Azure>(&format!("host: a.azurecr.io, client_id: c, {TOKEN}")), "tenant"),
        (planned::<Azure>(&format!("host: a.azurecr.io, tenant: t, {TOKEN}")), "client_id"),
        (planned::<Azure>(&format!("host: a.azurecr.io, identity: instance, {TOKEN}")), "identity"),
        (planned::<Oidc>(&format!("{url}, {oidc}")), "username"),
        (planned::<Oidc>(&format!("{url}, {oidc}, username: u, username_field: f")), "username_field"),
        (planned::<Oidc>(&format!("{url}, {oidc}, username: u, life: 5m")), "life"),
        (planned::<Oidc>(&format!("{url}, {oidc}, username: u, expiry: life")), "life"),
        (planned::<Oidc>(&format!("{url}, {oidc}, username: u, expiry: jwt, expires_in_field: f")), "expires_in_field"),
        (planned::<Oidc>(&format!("{url}, {oidc}, username: u, fields: {{ a: b }}")), "fields"),
        (planned::<Oidc>(&format!("token_url: 'http://id.example', {oidc}, username: u")), "token_url"),
        (planned::<Oidc>(&format!("{url}, {oidc}, username: u, endpoint: 'http://a.example'")), "endpoint"),
    ] {
        let problem = problem.expect_err(key);
        assert!(problem.contains(key), "{key}: {problem}");
    }
}

#[test]
fn each_type_has_a_described_schema_and_its_codes() {
    let (schema, codes) = (types().schema().to_string(), types().codes());
    for name in [Google::NAME, Azure::NAME, Quay::NAME, Jfrog::NAME, Oidc::NAME] {
        assert!(types().has_provider(name) && schema.contains(&format!("{name:?}")), "{name}");
    }
    assert!(schema.contains("The robot account") && codes.iter().any(|code| code.id() == "RC0571"), "{schema}");
}

#[tokio::test]
async fn a_type_makes_a_provider_without_a_request() {
    let quay = Quay::new("quay.example", "acme+puller", "/absent");
    let provider = ExchangeType::<Quay>::default().make(quay).await.expect("it is valid");
    let error = provider.credential().await.expect_err("there is no token");
    assert_eq!(error.code().id(), "RC0580");
}
