//! The sink on a real API server obeys the same rules as the one in memory.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, api::PostParams};
use regcred_core::{
    Address, Clock, ExposeSecret, Registry, SecretSink, StoreName, SystemClock, Target,
    testing::conformance::{self, SinkUnderTest},
};
use regcred_dockerconfig::DockerConfig;
use regcred_openshift::{Link, OpenShiftSink};

use crate::world::World;

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
async fn it_conforms_on_a_real_api_server() {
    let world = World::new().await;
    let sink = OpenShiftSink::builder(world.cluster().await).with_links(Link::defaults()).build();
    conformance::sink(&Live { sink: Arc::new(sink), world }).await;
}
