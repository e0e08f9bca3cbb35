//! Runs the conformance suite for sinks.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_core::{Clock, ExposeSecret, Registry, SecretSink, SystemClock, Target, testing::conformance};
use regcred_dockerconfig::DockerConfig;
use regcred_openshift::OpenShiftSink;
use regcred_testkit::FakeKube;

use crate::harness::{foreign, sink, target};

struct Fake {
    kube: FakeKube,
    sink: Arc<OpenShiftSink>,
    handed_out: AtomicUsize,
}

#[async_trait]
impl conformance::SinkUnderTest for Fake {
    fn sink(&self) -> Arc<dyn SecretSink> {
        self.sink.clone()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    async fn vacant(&self) -> Target {
        let namespace = format!("team-{}", self.handed_out.fetch_add(1, SeqCst));
        self.kube.add_namespace(&namespace, &["default", "builder"]);
        target(&namespace)
    }

    async fn stored(&self, target: &Target) -> Option<BTreeMap<Registry, (String, String)>> {
        let secret = self.kube.object("secrets", target.group(), target.name())?;
        let data =
            STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().expect("it has the key")).expect("base64");
        let config = DockerConfig::parse(&data).expect("it is a Docker config");
        let login = |registry: &str| {
            let registry = Registry::new(registry).expect("a valid key");
            let (username, password) = config.login(&registry).expect("a readable entry");
            (registry, (username, password.expose_secret().to_owned()))
        };
        Some(config.registries().map(login).collect())
    }

    async fn plant_foreign(&self, target: &Target) {
        self.kube.put("secrets", target.group(), target.name(), foreign(), "helm");
    }

    async fn fingerprint(&self, target: &Target) -> String {
        format!("{:?}", self.kube.object("secrets", target.group(), target.name()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_openshift_sink_conforms() {
    let kube = FakeKube::start().await;
    let sink = Arc::new(sink(&kube).await);
    conformance::sink(&Fake { kube, sink, handed_out: AtomicUsize::new(0) }).await;
}
