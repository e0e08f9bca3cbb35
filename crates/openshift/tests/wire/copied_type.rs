//! The type `secret` in a config.

use std::{sync::Arc, time::Duration};

use regcred_core::{Namespace, RegistryProvider, Scope, SecretName, StoreName};
use regcred_openshift::{Clusters, OpenShiftType, SecretType};
use regcred_plan::{Plan, Types, from_yaml};
use regcred_testkit::FakeKube;
use serde_json::json;
use tokio::time::timeout;

use crate::{
    copied::{docker, hub},
    harness::connect,
};

fn plan(provider: &str, rest: &str, clusters: &Clusters) -> Result<Plan, String> {
    let text = format!(
        "instance: blue\nproviders:\n  hub: {provider}\n{rest}targets: [{{ namespace: team-a, providers: [hub], sink: one }}]\n"
    );
    let types = Types::default().with_provider(SecretType::new(clusters.clone()));
    let types = types.and_then(|types| types.with_sink(OpenShiftType::new(clusters.clone()))).expect("one of each");
    let config = from_yaml(&text, &types).map_err(|problems| problems.to_string())?;
    Plan::new(&config, &types).map_err(|problems| problems.to_string())
}

const ONE: &str = "sinks: { one: { type: openshift } }\n";
const TWO: &str = "sinks: { one: { type: openshift }, two: { type: openshift, kubeconfig: /two } }\n";

fn store(name: &str) -> StoreName {
    StoreName::new(name).expect("valid")
}

#[test]
fn the_options_are_checked() {
    for (provider, sinks, words) in [
        ("{ type: secret, namespace: vault }", ONE, "name"),
        ("{ type: secret, namespace: Vault, name: hub }", ONE, "namespace"),
        ("{ type: secret, namespace: vault, name: 'h ub' }", ONE, "name"),
        ("{ type: secret, namespace: vault, name: hub, registries: [] }", ONE, "registries"),
        ("{ type: secret, namespace: vault, name: hub, sink: three }", TWO, "hub.sink: three is not a cluster"),
        ("{ type: secret, namespace: vault, name: hub }", TWO, "hub.sink: it is missing"),
    ] {
        let problems = plan(provider, sinks, &Clusters::default()).expect_err(provider);
        assert!(problems.contains(words), "{provider}: {problems}");
    }
}

#[test]
fn the_plan_names_the_secret_to_read() {
    let options = "{ type: secret, namespace: vault, name: hub, registries: [docker.io]";
    let one = plan(&format!("{options} }}"), ONE, &Clusters::default()).expect("valid");
    let two = plan(&format!("{options}, sink: two }}"), TWO, &Clusters::default()).expect("valid");
    let (namespace, name) = (Namespace::new("vault").expect("valid"), SecretName::new("hub").expect("valid"));
    for (plan, own, other) in [(&one, "one", "two"), (&two, "two", "one")] {
        assert_eq!(plan.cluster_reads(&store(own)), [(&namespace, &name)].into());
        assert!(plan.cluster_reads(&store(other)).is_empty());
        let provider = plan.planned_providers().values().next().expect("there is one");
        assert_eq!(provider.plan().scope, Scope::Exact(vec![hub()]));
    }
}

#[tokio::test]
async fn the_provider_uses_the_present_connection_and_instance() {
    let kube = FakeKube::start().await;
    kube.add_namespace("vault", &[]);
    let clusters = Clusters::default();
    let allowed = json!({ "regcred.dev/allow-copy": "blue" });
    kube.put("secrets", "vault", "hub", docker("canary", &allowed), "kubectl");
    let plan = plan("{ type: secret, namespace: vault, name: hub }", ONE, &clusters).expect("valid");
    let planned = plan.planned_providers().values().next().expect("there is one");
    let provider = planned.make().await.expect("it needs no connection yet");
    let code = async |provider: &Arc<dyn RegistryProvider>| provider.credential().await.map_err(|it| it.code().id());
    assert_eq!(code(&provider).await.map(drop), Err("RC0431"), "nothing is connected");
    let quarter = Duration::from_mins(15);

    let clusters = clusters.with(store("one"), connect(&kube).await);
    timeout(quarter, provider.changed()).await.expect("the cluster is connected");
    assert_eq!(code(&provider).await.map(drop), Err("RC0433"), "the name of the installation is the default one");

    let clusters = clusters.with_instance("blue".parse().expect("valid"));
    timeout(quarter, provider.changed()).await.expect("the installation has another name");
    assert_eq!(code(&provider).await.expect("it is allowed").registries().collect::<Vec<_>>(), [&hub()]);

    drop(clusters.with(store("two"), connect(&kube).await));
    timeout(quarter, provider.changed()).await.expect("there are other connections");
    assert_eq!(code(&provider).await.map(drop), Err("RC0431"), "the choice is ambiguous");
}
