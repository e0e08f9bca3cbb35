//! A store of its own is a sink that keeps every rule, at 40 lines of code.

mod shelf;

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
use shelf::Shelf;

struct Documents {
    shelf: Arc<Shelf>,
    clock: Arc<TestClock>,
    handed_out: AtomicUsize,
}

impl Documents {
    async fn text(&self, target: &Target) -> Option<String> {
        let document = self.shelf.load(&target.address).await.expect("it can be read")?;
        Some(String::from_utf8(document.content.expose_secret().to_vec()).expect("text"))
    }
}

#[async_trait]
impl conformance::SinkUnderTest for Documents {
    fn sink(&self) -> Arc<dyn SecretSink> {
        Arc::new(DocumentSink::new(self.shelf.clone(), DockerConfigFormat))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    async fn vacant(&self) -> Target {
        let number = self.handed_out.fetch_add(1, SeqCst);
        Target::new(StoreName::new("shelf").expect("valid"), Address::named(format!("logins/{number}.json")))
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
        let foreign = br#"{"auths":{"r.example":{"auth":"dTpw"}}}"#.to_vec();
        self.shelf.store(&target.address, foreign.into(), None).await.expect("nothing is there");
    }

    async fn fingerprint(&self, target: &Target) -> String {
        format!("{:?}", self.text(target).await)
    }
}

#[tokio::test(start_paused = true)]
async fn it_keeps_every_rule_of_a_sink() {
    let (shelf, clock, handed_out) = (Arc::default(), Arc::new(TestClock::new()), AtomicUsize::new(0));
    conformance::sink(&Documents { shelf, clock, handed_out }).await;
}

#[test]
fn it_takes_at_most_40_lines_of_code() {
    let code = include_str!("shelf.rs").lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with("//"));
    let lines = code.count();
    assert!((20..=40).contains(&lines), "{lines} lines");
}
