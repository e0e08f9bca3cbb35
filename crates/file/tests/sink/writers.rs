//! Another program writes the same file at the same time, as `docker login` does. No login is lost.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use regcred_core::{ErrorKind, testing::SinkExt};
use regcred_dockerconfig::DockerConfig;

use crate::{names, set, sink, target};

const LOGINS: usize = 100;
const PATIENCE: Duration = Duration::from_secs(5);

/// Adds a login as `docker login` does: reads the file, changes it, and renames a new file over it.
fn log_in(path: &Path, number: usize) {
    let text = fs::read(path).unwrap_or_else(|_| b"{}".to_vec());
    let mut config = DockerConfig::parse(&text).expect("a whole file");
    let registry = regcred_core::Registry::new(format!("other-{number}.example")).expect("valid");
    config.set(&registry, "other", &"password".into());
    let new = path.with_extension("docker");
    fs::write(&new, config.to_bytes()).expect("it can be written");
    fs::rename(new, path).expect("it can be renamed");
}

/// Returns the number of logins of the other program.
fn logins(path: &Path) -> usize {
    let config = DockerConfig::parse(&fs::read(path).expect("it is there")).expect("a whole file");
    config.registries().filter(|key| key.starts_with("other-")).count()
}

/// The other program can still overwrite a login of regcred, because it does not look before its rename. regcred must not
/// do the same.
#[test]
fn no_login_of_another_program_is_lost() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("config.json");
    fs::write(&path, "{}").expect("it can be written");
    let mut writes = 0;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            for number in 0..LOGINS {
                log_in(&path, number);
                // regcred takes a file away for a moment, before it sees that it must put it back.
                let start = Instant::now();
                while logins(&path) != number + 1 || names(dir.path()).len() != 1 {
                    assert!(start.elapsed() < PATIENCE, "after login {number}, {} are there", logins(&path));
                    thread::yield_now();
                }
            }
        });
        let (sink, target) = (sink(), target(&path));
        while !other.is_finished() || writes == 0 {
            let set = set("r.example", &format!("{writes}"));
            match runtime.block_on(sink.write(&target, &set)) {
                Ok(_) => writes += 1,
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    });
    assert_eq!(names(dir.path()), ["config.json"]);
}
