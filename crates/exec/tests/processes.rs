//! No process that a program starts outlives the call.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::Command,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use regcred_core::{Registry, RegistryProvider};
use regcred_exec::{ExecProvider, Life, Protocol, codes};
use tempfile::TempDir;

/// A test that waits longer than this sees a process that was not killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A pipe that a process of the program holds open for writing.
struct Pipe(TempDir);

impl Pipe {
    fn new() -> Self {
        let pipe = Self(tempfile::tempdir().expect("a folder"));
        let made = Command::new("mkfifo").args([pipe.path(), pipe.started()]).status().expect("it runs");
        assert!(made.success());
        pipe
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("pipe")
    }

    /// Returns a second pipe, which ends as soon as the process holds the first one.
    fn started(&self) -> PathBuf {
        self.0.path().join("started")
    }

    /// Returns a script that starts a process with the pipe and the standard output in the background.
    fn script(&self, then: &str) -> String {
        format!("(exec 3>{0}; : >{1}; sleep 1000) & {then}", self.path().display(), self.started().display())
    }

    /// Reads the pipe until no process holds it.
    fn read(&self) -> JoinHandle<usize> {
        let path = self.path();
        thread::spawn(move || read(&path))
    }
}

fn read(path: &Path) -> usize {
    File::open(path).and_then(|mut pipe| pipe.read_to_end(&mut vec![])).expect("it ends")
}

fn provider(script: &str, timeout: Duration) -> ExecProvider {
    let registries = vec![Registry::new("r.example").expect("valid")];
    ExecProvider::builder(Protocol::Docker, "/bin/sh", registries)
        .with_args(["-c", script])
        .with_life(Life::never())
        .with_timeout(timeout)
        .build()
        .expect("it is whole")
}

async fn ended(reading: JoinHandle<usize>, since: Instant) {
    tokio::task::spawn_blocking(move || reading.join()).await.expect("it runs").expect("no panic");
    assert!(since.elapsed() < PATIENCE, "the process was killed");
}

#[tokio::test]
async fn a_child_that_keeps_the_output_open_is_killed_when_the_program_ends() {
    let (pipe, since) = (Pipe::new(), Instant::now());
    let reading = pipe.read();
    let print = format!("cat {} >/dev/null; echo '{{\"Username\":\"u\",\"Secret\":\"p\"}}'", pipe.started().display());
    provider(&pipe.script(&print), PATIENCE).credential().await.expect("it prints a login");
    ended(reading, since).await;
}

#[tokio::test]
async fn a_program_that_hits_the_deadline_is_killed_with_its_children() {
    let (pipe, since) = (Pipe::new(), Instant::now());
    let reading = pipe.read();
    let started = format!("cat {} >/dev/null; wait", pipe.started().display());
    let error = provider(&pipe.script(&started), Duration::from_millis(500)).credential().await.expect_err("it waits");
    assert_eq!(error.code(), &codes::UNFINISHED, "{error:?}");
    ended(reading, since).await;
}

#[tokio::test]
async fn a_dropped_call_kills_the_program_with_its_children() {
    let (pipe, since) = (Pipe::new(), Instant::now());
    let reading = pipe.read();
    let provider = provider(&pipe.script("wait"), PATIENCE * 2);
    let running = tokio::spawn(async move { provider.credential().await.map(drop) });
    let started = pipe.started();
    tokio::task::spawn_blocking(move || read(&started)).await.expect("it starts");
    running.abort();
    ended(reading, since).await;
}

#[tokio::test]
async fn a_program_that_floods_its_output_is_killed_with_its_children() {
    let (pipe, since) = (Pipe::new(), Instant::now());
    let reading = pipe.read();
    let flood = format!("cat {} >/dev/null; yes", pipe.started().display());
    let error = provider(&pipe.script(&flood), PATIENCE).credential().await.expect_err("it prints too much");
    assert_eq!(error.code(), &codes::OUTPUT, "{error:?}");
    ended(reading, since).await;
}
