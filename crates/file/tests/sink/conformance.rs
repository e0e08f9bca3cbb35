//! The sink passes the conformance suite, with and without merging.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use regcred_core::{
    Clock, ExposeSecret, Registry, SecretSink, Target, async_trait,
    document::DocumentSink,
    testing::{TestClock, conformance},
};
use regcred_dockerconfig::{DockerConfig, DockerConfigFormat};
use regcred_file::FileStore;
use tempfile::TempDir;

use crate::target;

struct Files {
    dir: TempDir,
    sink: Arc<dyn SecretSink>,
    /// A file that the sink must not write.
    foreign: &'static str,
    handed_out: AtomicUsize,
}

impl Files {
    fn new(is_merging: bool, foreign: &'static str) -> Self {
        let sink = DocumentSink::new(FileStore::default(), DockerConfigFormat);
        let sink = if is_merging { sink.merging() } else { sink };
        let dir = tempfile::tempdir().expect("a folder");
        Self { dir, sink: Arc::new(sink), foreign, handed_out: AtomicUsize::new(0) }
    }

    fn text(target: &Target) -> Option<String> {
        fs::read_to_string(PathBuf::from(target.name())).ok()
    }
}

#[async_trait]
impl conformance::SinkUnderTest for Files {
    fn sink(&self) -> Arc<dyn SecretSink> {
        self.sink.clone()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(TestClock::new())
    }

    async fn vacant(&self) -> Target {
        target(&self.dir.path().join(format!("{}.json", self.handed_out.fetch_add(1, SeqCst))))
    }

    async fn stored(&self, target: &Target) -> Option<BTreeMap<Registry, (String, String)>> {
        let config = DockerConfig::parse(Self::text(target)?.as_bytes()).expect("a Docker config");
        let login = |registry: Registry| {
            let (username, password) = config.login(&registry).expect("a login");
            (registry, (username, password.expose_secret().to_owned()))
        };
        Some(config.canonical().map(login).collect())
    }

    async fn plant_foreign(&self, target: &Target) {
        fs::write(target.name(), self.foreign).expect("it can be written");
    }

    async fn fingerprint(&self, target: &Target) -> String {
        format!("{:?}", Self::text(target))
    }
}

#[tokio::test]
async fn a_sink_that_owns_its_files_conforms() {
    conformance::sink(&Files::new(false, r#"{"auths":{"r.example":{"auth":"dTpw"}}}"#)).await;
}

#[tokio::test]
async fn a_sink_that_merges_into_files_conforms() {
    conformance::sink(&Files::new(true, r#"{"auths":{"r.example":"#)).await;
    conformance::sink(&Files::new(true, r#"{"auths":{},"regcred":{"instance":"another","hosts":{}}}"#)).await;
}
