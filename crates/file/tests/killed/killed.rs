//! A process that writes a file is killed at random moments, while another program writes the file too. It never leaves
//! half a file, and no login of the other program is lost.
//!
//! The test starts itself as the process that is killed. So it is not run by libtest.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use regcred_core::{
    Address, Clock as _, CredentialSet, ErrorKind, Login, Registry, RegistryCredential, SecretSink, Target, Validity,
    document::DocumentSink,
    testing::{SinkExt, TestClock, provider_name},
};
use regcred_dockerconfig::{DockerConfig, DockerConfigFormat};
use regcred_file::FileStore;

const KILLS: usize = 200;
/// The variable with the path for the process that is killed.
const PATH: &str = "REGCRED_TEST_KILLED_PATH";
/// The longest pause before a kill. Two writes take about as long, because they wait for the disk.
const LONGEST: Duration = Duration::from_millis(60);
/// The longest pause before a kill that comes after the process has begun to write.
const SHORTEST: Duration = Duration::from_millis(5);

pub(crate) fn main() {
    match env::var_os(PATH) {
        Some(path) => write_forever(Path::new(&path)),
        None => run(),
    }
}

fn sink() -> impl SecretSink {
    DocumentSink::new(FileStore::default(), DockerConfigFormat).merging()
}

fn target(path: &Path) -> Target {
    Target::new("machine".parse().expect("valid"), Address::named(path.display().to_string()))
}

/// Returns a login with a long password, so that half a file would be noticed.
fn set(serial: usize) -> CredentialSet {
    let (now, mut set) = (TestClock::new().now(), CredentialSet::new());
    let registry = Registry::new("r.example").expect("valid");
    let login = Login::new(vec![registry], "u", format!("{serial}-{}", "p".repeat(3_000)).into()).expect("valid");
    let validity = Validity::new(now, Some(now + Duration::from_hours(12))).expect("valid");
    let credential = RegistryCredential::new(vec![login], validity).expect("valid");
    set.insert(provider_name("test"), Arc::new(credential)).expect("it is empty");
    set
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// Writes a new login again and again, until it is killed.
fn write_forever(path: &Path) {
    let (runtime, sink, target) = (runtime(), sink(), target(path));
    println!("started");
    for serial in 0.. {
        match runtime.block_on(sink.write(&target, &set(serial))) {
            Err(error) if error.kind() != ErrorKind::Conflict => panic!("{error:?}"),
            _ => {}
        }
    }
}

fn start(path: &Path) -> Child {
    let mut command = Command::new(env::current_exe().expect("it is known"));
    let mut child = command.env(PATH, path).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("a line");
    assert_eq!(line, "started\n");
    child
}

/// Adds a login as `docker login` does: reads the file, changes it, and renames a new file over it.
fn log_in(path: &Path, number: usize) {
    let mut config = DockerConfig::parse(&fs::read(path).expect("it is there")).expect("a whole file");
    config.set(&Registry::new(format!("other-{number}.example")).expect("valid"), "other", &"password".into());
    let new = path.with_extension("docker");
    fs::write(&new, config.to_bytes()).expect("it can be written");
    fs::rename(new, path).expect("it can be renamed");
}

/// Reads the file until it is time for the kill, as a program that pulls images does. It is always whole.
///
/// Every second kill comes a moment after the process has begun to write.
fn read_until_kill(dir: &Path, path: &Path, number: usize) {
    let start = Instant::now();
    let mut end = LONGEST.mul_f64(fastrand::f64());
    let mut writes = number.is_multiple_of(2);
    while start.elapsed() < end {
        DockerConfig::parse(&fs::read(path).expect("it is there")).expect("a whole file");
        if !writes && fs::read_dir(dir).expect("a folder").count() > 1 {
            writes = true;
            end = start.elapsed() + SHORTEST.mul_f64(fastrand::f64());
        }
    }
}

fn run() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("config.json");
    fs::write(&path, "{}").expect("it can be written");
    for number in 0..KILLS {
        let mut child = start(&path);
        thread::scope(|scope| {
            let other = scope.spawn(|| log_in(&path, number));
            read_until_kill(dir.path(), &path, number);
            child.kill().expect("it runs");
            child.wait().expect("it ends");
            other.join().expect("it does not panic");
        });
        // The next call finishes what the killed one began.
        runtime().block_on(sink().observe(&target(&path))).expect("it can be read");
        let config = DockerConfig::parse(&fs::read(&path).expect("it is there")).expect("a whole file");
        let is_lost = |it: &usize| !config.registries().any(|key| key == format!("other-{it}.example"));
        let lost = (0..=number).filter(is_lost).collect::<Vec<_>>();
        assert!(lost.is_empty(), "kill {number} lost {lost:?}");
        let names = fs::read_dir(dir.path()).expect("a folder").count();
        assert_eq!(names, 1, "kill {number} left a file");
    }
    let written = fs::read_to_string(&path).expect("text").contains("\"r.example\"");
    assert!(written, "the process wrote its login");
    println!("{KILLS} kills: no half file, and no lost login");
}
