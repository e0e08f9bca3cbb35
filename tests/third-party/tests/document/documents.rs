//! The store and its sink, prepared for the conformance suite and other tests.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use regcred_core::{
    Address, Clock, ExposeSecret, Registry, SecretSink, StoreName, Target, async_trait,
    document::{DocumentSink, DocumentStore},
    testing::{TestClock, conformance},
};
use regcred_dockerconfig::{DockerConfig, DockerConfigFormat};

use crate::shelf::Shelf;

/// Documents on a shelf, and their sink.
pub(crate) struct Documents {
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) sink: Arc<DocumentSink<Arc<Shelf>, DockerConfigFormat>>,
    pub(crate) clock: Arc<TestClock>,
    handed_out: AtomicUsize,
}

impl Documents {
    pub(crate) fn new() -> Self {
        let shelf = Arc::<Shelf>::default();
        let sink = Arc::new(DocumentSink::new(shelf.clone(), DockerConfigFormat));
        Self { shelf, sink, clock: Arc::new(TestClock::new()), handed_out: AtomicUsize::new(0) }
    }

    pub(crate) fn target(name: &str) -> Target {
        Target::new(StoreName::new("shelf").expect("valid"), Address::named(name))
    }

    pub(crate) async fn text(&self, target: &Target) -> Option<String> {
        let document = self.shelf.load(&target.address).await.expect("it can be read")?;
        Some(String::from_utf8(document.content.expose_secret().to_vec()).expect("text"))
    }

    pub(crate) async fn put(&self, target: &Target, text: &str) {
        let before = self.shelf.load(&target.address).await.expect("it can be read").map(|it| it.version);
        let content = text.as_bytes().to_vec().into();
        self.shelf.store(&target.address, content, before.as_ref()).await.expect("there is no other writer");
    }
}

#[async_trait]
impl conformance::SinkUnderTest for Documents {
    fn sink(&self) -> Arc<dyn SecretSink> {
        self.sink.clone()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    async fn vacant(&self) -> Target {
        Self::target(&format!("/run/{}/auth.json", self.handed_out.fetch_add(1, SeqCst)))
    }

    async fn stored(&self, target: &Target) -> Option<BTreeMap<Registry, (String, String)>> {
        let config = DockerConfig::parse(self.text(target).await?.as_bytes()).expect("a Docker config");
        let login = |registry: Registry| {
            let (username, password) = config.login(&registry).expect("a login");
            (registry, (username, password.expose_secret().to_owned()))
        };
        Some(config.canonical().map(login).collect())
    }

    async fn plant_foreign(&self, target: &Target) {
        self.put(target, r#"{"auths":{"r.example":{"auth":"dTpw"}}}"#).await;
    }

    async fn fingerprint(&self, target: &Target) -> String {
        format!("{:?}", self.text(target).await)
    }
}
