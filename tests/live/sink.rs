//! The sink and a source on a real API server pass the same conformance suite as those in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, api::PostParams};
use regcred_core::{
    Address, Clock, ExposeSecret, Registry, SecretName, SecretSink, StoreName, SystemClock, Target, TargetSource,
    testing::conformance::{self, SinkUnderTest, SourceUnderTest},
};
use regcred_dockerconfig::DockerConfig;
use regcred_openshift::{Cache, Link, OpenShiftSink, WatchedSource, Watches};

use crate::world::{World, target};

/// A label that all namespaces of one test have.
const LABEL: &str = "regcred.test/source";

struct Live {
    world: World,
    sink: Arc<OpenShiftSink>,
}

impl Live {
    fn secrets(&self, target: &Target) -> Api<Secret> {
        Api::namespaced(self.world.client.clone(), target.group())
    }

    async fn secret(&self, target: &Target) -> Option<Secret> {
        self.secrets(target).get_opt(target.name()).await.expect("it can be read")
    }
}

#[async_trait]
impl SinkUnderTest for Live {
    fn sink(&self) -> Arc<dyn SecretSink> {
        self.sink.clone()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    async fn vacant(&self) -> Target {
        let namespace = self.world.namespace().await;
        self.world.account(&namespace, "default").await;
        Target::new(StoreName::new("live").expect("valid"), Address::new(namespace, "ecr-secret"))
    }

    async fn stored(&self, target: &Target) -> Option<BTreeMap<Registry, (String, String)>> {
        let secret = self.secret(target).await?;
        let data = secret.data.as_ref().and_then(|data| data.get(".dockerconfigjson")).expect("it has the key");
        let config = DockerConfig::parse(&data.0).expect("it is a Docker config");
        let login = |registry: &str| {
            let registry = Registry::new(registry).expect("a valid key");
            let (username, password) = config.login(&registry).expect("a readable entry");
            (registry, (username, password.expose_secret().to_owned()))
        };
        Some(config.registries().map(login).collect())
    }

    async fn plant_foreign(&self, target: &Target) {
        let secret = serde_json::json!({
            "metadata": { "name": target.name(), "labels": { "app.kubernetes.io/managed-by": "Helm" } },
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": { ".dockerconfigjson": r#"{"auths":{"r.example":{"auth":"dTpw"}}}"# },
        });
        let secret = serde_json::from_value(secret).expect("a Secret");
        self.secrets(target).create(&PostParams::default(), &secret).await.expect("a Secret can be made");
    }

    async fn fingerprint(&self, target: &Target) -> String {
        let secret = self.secret(target).await;
        format!("{:?}", secret.map(|secret| (secret.metadata.uid, secret.metadata.resource_version, secret.data)))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_openshift_sink_conforms_on_a_real_api_server() {
    let world = World::new().await;
    let sink = OpenShiftSink::builder(world.cluster().await).with_links(Link::defaults()).build();
    conformance::sink(&Live { sink: Arc::new(sink), world }).await;
}

/// Namespaces with a label of this test. The source returns each of them.
struct Labelled {
    world: World,
    label: String,
    targets: BTreeSet<Target>,
}

impl Labelled {
    async fn namespace(world: &World, label: &str) -> Target {
        let namespace = world.namespace().await;
        world.kubectl(&["label", "namespace", &namespace, &format!("{LABEL}={label}")], "");
        target(&namespace)
    }
}

#[async_trait]
impl SourceUnderTest for Labelled {
    async fn source(&self) -> Arc<dyn TargetSource> {
        let cluster = self.world.cluster().await;
        let (name, resync) = (SecretName::new("ecr-secret").expect("valid"), Duration::from_mins(5));
        let cache = Cache::new(&cluster, [], [name.clone()]);
        let watches = Watches::new(&cluster, [name.clone()], [], &cache, resync);
        let sink = OpenShiftSink::builder(cluster).with_cache(cache).build();
        let (store, wanted) = (target("x").store, self.label.clone());
        let takes = move |_: &str, labels: &BTreeMap<String, String>| labels.get(LABEL) == Some(&wanted);
        Arc::new(WatchedSource::new(watches, store, name, takes, &sink))
    }

    async fn targets(&self) -> BTreeSet<Target> {
        self.targets.clone()
    }

    async fn add(&self) -> Option<Target> {
        Some(Self::namespace(&self.world, &self.label).await)
    }

    async fn remove(&self, target: &Target) {
        self.world.delete_namespace(target.group()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_namespace_source_conforms_on_a_real_api_server() {
    let world = World::new().await;
    let label = world.namespace().await;
    let targets = [Labelled::namespace(&world, &label).await, Labelled::namespace(&world, &label).await].into();
    conformance::source(&Labelled { world, label, targets }).await;
}
