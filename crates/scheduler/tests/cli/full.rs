//! The full form of the config: named providers, and targets with settings for their Secret.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::world::{World, of, run};

const CONFIG: &str = r#"
providers:
  pull: { type: ecr, region: eu-west-1, accounts: ["123456789012", 210987654321], aliases: dualstack,
          role_arn: "arn:aws:iam::123456789012:role/pull", external_id: blue }
  more: { type: ecr, region: eu-west-1, accounts: [333333333333],
          role_arn: "arn:aws:iam::123456789012:role/pull", external_id: blue }
  push: { type: ecr, region: us-east-1 }
targets:
- namespaces: { include: [team-a, team-b] }
  providers: [pull, more]
  secret: { name: ecr-pull }
  service_accounts: [ { name: default } ]
- namespace: team-b
  providers: [push]
  secret: { name: ecr-push }
  service_accounts: [ { name: builder, link: [mount] } ]
- namespace: team-b
  providers: [push]
  secret: { name: shared, merge: true }
"#;

/// Returns the hosts of a Secret of type `kubernetes.io/dockerconfigjson`.
fn hosts(secret: &Value) -> Vec<String> {
    let data = secret["data"][".dockerconfigjson"].as_str().expect("it has data");
    let file = serde_json::from_slice::<Value>(&STANDARD.decode(data).expect("base64")).expect("JSON");
    file["auths"].as_object().expect("a map").keys().cloned().collect()
}

/// Returns the names in a ServiceAccount's list, except the ones that the platform adds.
fn named(list: &Value) -> Vec<&str> {
    let names = list.as_array().into_iter().flatten().filter_map(|it| it["name"].as_str());
    names.filter(|name| !name.contains("-dockercfg-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_names_and_links_follow_the_config() {
    let world = World::new(&["team-a", "team-b"]).await;
    world.aws.require_external_id("arn:aws:iam::123456789012:role/pull", "blue");
    let theirs = json!({ "auths": { "quay.io": { "auth": "dTpw" } } }).to_string();
    let theirs =
        json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": STANDARD.encode(theirs) } });
    world.kube.put("secrets", "team-b", "shared", theirs, "kubectl-create");

    let (code, report, logs) = run(&mut world.once(CONFIG, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    let tokens = world.aws.issued();
    let regions = tokens.iter().map(|token| token.region.as_str()).collect::<Vec<_>>();
    assert_eq!(regions.len(), 2, "one for the role that two providers share, one for the chain: {regions:?}");
    assert_eq!(world.aws.sessions().len(), 1, "the role was assumed once");

    let pull = [
        "123456789012.dkr-ecr.eu-west-1.on.aws",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "210987654321.dkr-ecr.eu-west-1.on.aws",
        "210987654321.dkr.ecr.eu-west-1.amazonaws.com",
        "333333333333.dkr.ecr.eu-west-1.amazonaws.com",
    ];
    for namespace in ["team-a", "team-b"] {
        assert_eq!(hosts(&world.kube.object("secrets", namespace, "ecr-pull").expect("written")), pull);
    }
    let own = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    assert_eq!(hosts(&world.kube.object("secrets", "team-b", "ecr-push").expect("written")), [own]);
    assert_eq!(hosts(&world.kube.object("secrets", "team-b", "shared").expect("theirs")), [own, "quay.io"]);

    let account = |namespace: &str, name: &str| world.kube.object("serviceaccounts", namespace, name).expect("there");
    let default = account("team-b", "default");
    assert_eq!(named(&default["imagePullSecrets"]), ["ecr-pull"], "{default:#}");
    assert_eq!(named(&default["secrets"]), [""; 0], "{default:#}");
    let builder = account("team-b", "builder");
    assert_eq!(named(&builder["secrets"]), ["ecr-push"], "{builder:#}");
    assert_eq!(named(&builder["imagePullSecrets"]), [""; 0], "{builder:#}");
    assert_eq!(named(&account("team-a", "builder")["secrets"]), [""; 0]);

    let (code, report, logs) = run(&mut world.once(CONFIG, &["--output", "json"]));
    let steps = report["targets"].as_array().expect("a list").iter().map(|it| &it["step"]).collect::<Vec<_>>();
    assert_eq!((code, steps.len()), (0, 4), "{logs}");
    assert!(steps.iter().all(|step| **step == "leave"), "{report:#}");
    assert_eq!(world.aws.issued().len(), 2, "nothing was minted again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_adopted_only_where_the_config_allows_it() {
    let world = World::new(&["team-a", "team-b"]).await;
    let config = "targets:\n- { namespace: team-a, region: eu-west-1, secret: { adopt: true } }\n\
                  - { namespace: team-b, region: eu-west-1 }\n";
    let recipe = json!({ "auths": { "123456789012.dkr.ecr.eu-west-1.amazonaws.com": { "auth": "QVdTOm9sZA==" } } });
    for namespace in ["team-a", "team-b"] {
        let data = json!({ ".dockerconfigjson": STANDARD.encode(recipe.to_string()) });
        let secret = json!({ "type": "kubernetes.io/dockerconfigjson", "data": data });
        world.kube.put("secrets", namespace, "ecr-secret", secret, "kubectl-create");
    }
    let (code, report, logs) = run(&mut world.once(config, &["--output", "json"]));
    assert_eq!(code, 1, "{report:#} {logs}");
    assert_eq!(of(&report, "team-a").0, "fresh", "{report:#}");
    let (state, why) = of(&report, "team-b");
    assert!(state == "refused" && why.contains("kubectl-create"), "{state}: {why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_other_than_the_pinned_principal_gets_no_token() {
    let world = World::new(&["team-a"]).await;
    let config = |principal: &str| {
        format!(
            "providers: {{ pull: {{ type: ecr, region: eu-west-1, role_arn: 'arn:aws:iam::123456789012:role/pull', \
             principal: 'arn:aws:iam::123456789012:role/{principal}' }} }}\n\
             targets: [{{ namespace: team-a, providers: [pull] }}]\n"
        )
    };
    let (code, report, logs) = run(&mut world.once(&config("push"), &["--output", "json"]));
    let (_, why) = of(&report, "team-a");
    assert!(code == 2 && why.contains("role/push is required"), "{code} {why} {logs}");
    assert_eq!(world.aws.issued().len(), 0);
    let (code, report, logs) = run(&mut world.once(&config("pull"), &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
}
