//! A login that changes while no process runs.

use std::{fs, path::Path, sync::Arc};

use regcred_core::{
    Clock, ProviderName, SystemClock,
    testing::{MemorySink, target},
};
use regcred_engine::{Engine, Minter, Pass, Route, State};
use regcred_file::{FileProvider, LoginFiles};

/// Runs one pass as a new process.
async fn pass(path: &Path, sink: &Arc<MemorySink>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let name = ProviderName::new("hub").expect("valid");
    let provider = Arc::new(FileProvider::new(LoginFiles::DockerCfg(path.into()), [], clock.clone()));
    let route = Route::new("mine", vec![name.clone()], Arc::new(vec![target("team-a")]), sink.clone());
    let engine = Engine::builder(clock).with_minter(Arc::new(Minter::new(name, provider))).with_route(route);
    let report = engine.build().expect("it is whole").once(Pass::default()).await;
    assert_eq!(report.count(State::Fresh), 1, "{report:#?}");
}

#[tokio::test]
async fn a_login_that_changed_while_no_process_ran_is_copied_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, sink) = (folder.path().join("dockercfg"), Arc::new(MemorySink::default()));
    for (password, writes) in [("dTpvbmU=", 1), ("dTpvbmU=", 1), ("dTp0d28=", 2), ("dTp0d28=", 2)] {
        fs::write(&path, format!(r#"{{"r.example":{{"auth":"{password}"}}}}"#)).expect("it can be written");
        pass(&path, &sink).await;
        assert_eq!(sink.writes(), writes, "{password}");
    }
}
