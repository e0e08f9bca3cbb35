//! `regcred init` adopts the logins of every vendor.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::{
    init::init,
    vendors::{Vendors, auths},
    world::run,
};

const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
/// A JSON Web Token that expired in 1970.
const JWT: &str = "e30.eyJleHAiOjl9.c2ln";

fn login(entries: &[(&str, &str, &str)]) -> Value {
    let entry = |(host, user, password): &(&str, &str, &str)| {
        ((*host).to_owned(), json!({ "auth": STANDARD.encode(format!("{user}:{password}")) }))
    };
    let auths = json!({ "auths": entries.iter().map(entry).collect::<Map<_, _>>() });
    let data = json!({ ".dockerconfigjson": STANDARD.encode(auths.to_string()) });
    json!({ "type": "kubernetes.io/dockerconfigjson", "data": data })
}

async fn found() -> Vendors {
    let names = ["azure", "fixed", "google", "jfrog", "mixed", "public", "quay"];
    let vendors = Vendors::new(&names).await;
    let google = ("europe-docker.pkg.dev", "oauth2accesstoken", "ya29.token");
    let put = |namespace: &str, entries: &[(&str, &str, &str)]| {
        vendors.world.kube.put("secrets", namespace, "pull", login(entries), "kubectl-client-side-apply");
    };
    put("azure", &[("acme.azurecr.io", NOBODY, JWT)]);
    put("fixed", &[("eu.gcr.io", "_json_key", "{}"), ("quay.io", "acme+robot", "FIXED"), ("docker.io", "me", "x")]);
    put("google", &[google, ("eu.gcr.io", "oauth2accesstoken", "ya29.token")]);
    put("jfrog", &[("acme.jfrog.io", "me", JWT)]);
    put("mixed", &[(ECR, "AWS", "x"), google, ("docker.io", "me", "x")]);
    put("public", &[("public.ecr.aws", "AWS", "x")]);
    put("quay", &[("quay.io", "acme+puller", JWT)]);
    vendors
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_of_every_vendor_are_adopted_and_fixed_logins_are_left_alone() {
    let vendors = found().await;
    let (code, report, logs) = run(&mut init(&vendors.world, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    let becomes = report["secrets"].as_array().expect("a list").iter().map(|it| {
        let text = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
        (text("namespace"), text("becomes"), text("why"))
    });
    let becomes = becomes.collect::<Vec<_>>();
    let expected = [
        ("azure", "adopted"),
        ("google", "adopted"),
        ("jfrog", "left-out"),
        ("mixed", "merged"),
        ("public", "adopted"),
        ("quay", "adopted"),
    ];
    let short = becomes.iter().map(|(namespace, becomes, _)| (namespace.as_str(), becomes.as_str()));
    assert_eq!(short.collect::<Vec<_>>(), expected, "fixed logins never expire");
    assert!(becomes[2].2.contains("type jfrog"), "{becomes:?}");
    let expired = &report["secrets"][0];
    assert_eq!(
        (&expired["expires_at"], &expired["expires_at_is_estimate"]),
        (&json!("1970-01-01T00:00:09Z"), &json!(false))
    );
    assert_eq!(report["secrets"][1]["expires_at_is_estimate"], true, "an access token of Google is opaque");

    let config = report["config"].as_str().expect("a config");
    let providers = config.split_once("providers:\n").and_then(|(_, rest)| rest.split_once("\ntargets:\n"));
    let providers = providers.unwrap_or_else(|| panic!("{config}")).0;
    let without_comments = providers.lines().filter(|it| !it.trim_start().starts_with('#')).collect::<Vec<_>>();
    assert_eq!(
        without_comments.join("\n"),
        "  ecr-public:\n    type: ecr-public\n  \
           google:\n    type: google\n    registries: [eu.gcr.io, europe-docker.pkg.dev]\n    identity: instance\n  \
           google-2:\n    type: google\n    registries: [europe-docker.pkg.dev]\n    identity: instance\n  \
           azure:\n    type: azure\n    host: acme.azurecr.io\n    identity: instance\n  \
           quay:\n    type: quay\n    host: quay.io\n    username: \"acme+puller\"\n    \
           token_file: /var/run/secrets/regcred/quay",
        "{config}"
    );
    assert!(providers.contains("# The robot account must trust the issuer"), "{config}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_generated_config_refreshes_every_vendor_and_keeps_other_logins() {
    let vendors = found().await;
    let (_, report, _) = run(&mut init(&vendors.world, &["--output", "json"]));
    let config = vendors.here(report["config"].as_str().expect("a config"));
    let (code, report, logs) = run(&mut vendors.world.once(&config, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    let mixed = auths(&vendors.world, "mixed", "pull");
    let old = |user: &str, password: &str| json!(STANDARD.encode(format!("{user}:{password}")));
    assert_eq!(mixed["docker.io"]["auth"], old("me", "x"), "not regcred's");
    assert_ne!(mixed[ECR]["auth"], old("AWS", "x"));
    for (namespace, host) in
        [("mixed", "europe-docker.pkg.dev"), ("google", "eu.gcr.io"), ("azure", "acme.azurecr.io"), ("quay", "quay.io")]
    {
        let auth = auths(&vendors.world, namespace, "pull")[host]["auth"].as_str().expect("text").to_owned();
        let pair = String::from_utf8(STANDARD.decode(auth).expect("base64")).expect("text");
        let password = pair.split_once(':').expect("a pair").1.to_owned();
        assert!(vendors.exchange.issued().contains(&password), "{namespace}/{host}");
    }
    let fixed = auths(&vendors.world, "fixed", "pull");
    assert_eq!(fixed["quay.io"]["auth"], old("acme+robot", "FIXED"));
    let (code, again, logs) = run(&mut init(&vendors.world, &["--output", "json"]));
    let kept = again["secrets"].as_array().expect("a list").iter().filter(|it| it["becomes"] == "kept").count();
    assert_eq!((code, kept), (0, 5), "{again:#} {logs}");
}
