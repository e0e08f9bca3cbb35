//! Files as targets.

#![cfg(any(target_os = "linux", target_os = "macos"))]

mod conformance;
mod refusals;
mod writers;

use std::{fs, path::Path, sync::Arc, time::Duration};

use regcred_core::{
    Address, Clock as _, CredentialSet, Login, Registry, RegistryCredential, SecretSink, Target, Validity,
    document::DocumentSink,
    testing::{TestClock, provider_name},
};
use regcred_dockerconfig::DockerConfigFormat;
use regcred_file::FileStore;

fn sink() -> Arc<dyn SecretSink> {
    Arc::new(DocumentSink::new(FileStore::default(), DockerConfigFormat).merging())
}

fn target(path: &Path) -> Target {
    Target::new("machine".parse().expect("valid"), Address::named(path.display().to_string()))
}

/// Returns a login for one registry.
fn set(registry: &str, password: &str) -> CredentialSet {
    let (now, mut set) = (TestClock::new().now(), CredentialSet::new());
    let registry = Registry::new(registry).expect("valid");
    let login = Login::new(vec![registry], "u", password.into()).expect("valid");
    let validity = Validity::new(now, Some(now + Duration::from_hours(12))).expect("valid");
    let credential = RegistryCredential::new(vec![login], validity).expect("valid");
    set.insert(provider_name("test"), Arc::new(credential)).expect("it is empty");
    set
}

/// Returns the names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names =
        entries.map(|it| it.expect("an entry").file_name().into_string().expect("text")).collect::<Vec<_>>();
    names.sort();
    names
}
