//! A sink with the real client, an API server in memory, and sets of credentials.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_core::{
    Address, Clock, CredentialSet, Login, Registry, RegistryCredential, StoreName, SystemClock, Target, Validity,
    testing::provider_name,
};
use regcred_openshift::{Cluster, Link, OpenShiftSink, OpenShiftSinkBuilder};
use regcred_testkit::FakeKube;
use serde_json::{Value, json};

pub(crate) const NAME: &str = "ecr-secret";

pub(crate) async fn connect(kube: &FakeKube) -> Cluster {
    let config = kube::Config::new(kube.url().parse().expect("a URL"));
    Cluster::from_config(config, None).await.expect("it is usable")
}

pub(crate) async fn builder(kube: &FakeKube) -> OpenShiftSinkBuilder {
    OpenShiftSink::builder(connect(kube).await)
}

pub(crate) async fn sink(kube: &FakeKube) -> OpenShiftSink {
    builder(kube).await.with_links(Link::defaults()).build()
}

pub(crate) fn target(namespace: &str) -> Target {
    Target::new(StoreName::new("cluster").expect("valid"), Address::new(namespace, NAME))
}

pub(crate) fn set(serial: usize, hours: u64) -> CredentialSet {
    set_for("r.example", serial, hours)
}

pub(crate) fn set_for(registry: &str, serial: usize, hours: u64) -> CredentialSet {
    let login = Login::new(vec![Registry::new(registry).expect("valid")], "AWS", format!("canary-{serial}").into());
    let now = SystemClock.now();
    let validity = Validity::new(now, Some(now + Duration::from_hours(hours))).expect("valid");
    let mut set = CredentialSet::new();
    let credential = RegistryCredential::new(vec![login.expect("valid")], validity).expect("valid");
    set.insert(provider_name("one"), Arc::new(credential)).expect("no registry twice");
    set
}

/// Returns a set of two providers. The second one has no credential.
pub(crate) fn partial(serial: usize) -> CredentialSet {
    let mut set = set(serial, 13);
    set.insert_failed(provider_name("two"));
    set
}

pub(crate) fn both(serial: usize) -> CredentialSet {
    let mut set = set(serial, 12);
    let login = Login::new(vec![Registry::new("two.example").expect("valid")], "AWS", format!("two-{serial}").into());
    let validity = set.iter().next().expect("there is one").1.validity();
    let credential = RegistryCredential::new(vec![login.expect("valid")], validity).expect("valid");
    set.insert(provider_name("two"), Arc::new(credential)).expect("no registry twice");
    set
}

pub(crate) fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|it| it["name"].as_str()).collect()
}

/// Returns the number of requests of each kind, such as `get secrets` or `list serviceaccounts`.
pub(crate) fn requests(kube: &FakeKube) -> Vec<String> {
    let mut all = kube.requests().iter().map(|it| format!("{} {}", it.verb, it.resource)).collect::<Vec<_>>();
    all.sort();
    all
}

pub(crate) fn foreign() -> Value {
    let data = STANDARD.encode(r#"{"auths":{"r.example":{"auth":"dTpw"}}}"#);
    json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": data } })
}
