//! The provider on real files, in a temporary folder.

use std::{
    fs::{self, File},
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use regcred_core::{
    Clock, Code, ErrorKind, Login, Registry, RegistryProvider, SystemClock, async_trait,
    codes::CREDENTIAL,
    testing::{TestClock, conformance},
};
use regcred_dockerconfig::codes as copy;
use regcred_file::{FileProvider, LoginFiles, codes};
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

const CANARY: &str = "canary";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("it can be written");
        path
    }

    fn set_modified(&self, name: &str, time: SystemTime) {
        File::options().append(true).open(self.path(name)).and_then(|it| it.set_modified(time)).expect("it can be set");
    }

    /// Returns the path of a file in a folder that is mounted like a ConfigMap or a Secret.
    fn mount(&self, generation: u32, text: &str) -> PathBuf {
        let (data, new) = (self.path("..data"), self.path("..data_tmp"));
        let folder = format!("..{generation}");
        fs::create_dir(self.path(&folder)).expect("it is new");
        self.write(&format!("{folder}/config"), text);
        std::os::unix::fs::symlink(&folder, &new).expect("it is new");
        fs::rename(&new, &data).expect("it can be replaced");
        let path = self.path("config");
        if !path.exists() {
            std::os::unix::fs::symlink("..data/config", &path).expect("it is new");
        }
        path
    }
}

fn registries(names: &[&str]) -> Vec<Registry> {
    names.iter().map(|it| Registry::new(it).expect("valid")).collect()
}

fn provider(files: LoginFiles, wanted: &[&str]) -> FileProvider {
    FileProvider::new(files, registries(wanted), Arc::new(SystemClock))
}

fn config(password: &str) -> String {
    format!(r#"{{"auths":{{"r.example":{{"auth":"","username":"u","password":"{password}"}}}}}}"#)
}

fn secrets(logins: &[Login]) -> Vec<&str> {
    logins.iter().map(|it| it.secret().expose()).collect()
}

#[async_trait]
impl conformance::ProviderUnderTest for Folder {
    fn canary(&self) -> &str {
        CANARY
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    async fn provider(&self) -> Arc<dyn RegistryProvider> {
        Arc::new(provider(LoginFiles::DockerConfigJson(self.write("config", config(CANARY))), &["r.example"]))
    }

    async fn misled(&self) -> Arc<dyn RegistryProvider> {
        Arc::new(provider(LoginFiles::DockerConfigJson(self.write("misled", format!("{{\"{CANARY}\""))), &[]))
    }
}

#[tokio::test]
async fn the_file_provider_conforms() {
    conformance::provider(&Folder::new()).await;
}

#[tokio::test]
async fn each_format_is_copied() {
    let folder = Folder::new();
    let entry = r#"{"identitytoken":"canary", "x":1.0}"#;
    let whole = folder.write("whole", format!(r#"{{"auths":{{"https://r.example/v1/":{entry}}}}}"#));
    let alone = folder.write("alone", format!(r#"{{"r.example":{entry}}}"#));
    for files in [LoginFiles::DockerConfigJson(whole), LoginFiles::DockerCfg(alone)] {
        for wanted in [&["r.example"][..], &[]] {
            let credential = provider(files.clone(), wanted).credential().await.expect("it is copied");
            assert_eq!(secrets(credential.logins()), [entry]);
            assert_eq!(credential.logins()[0].registries(), registries(&["r.example"]));
        }
    }
    folder.write("username", "robot\n");
    folder.write("password", "canary\n");
    let files = LoginFiles::BasicAuth(folder.0.path().into());
    let credential = provider(files, &["a.example", "b.example"]).credential().await.expect("it is copied");
    assert_eq!(credential.logins()[0].username(), "robot");
    assert_eq!((secrets(credential.logins()), credential.registries().count()), (vec!["canary"], 2));
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_file_gives_an_equal_credential_without_an_end() {
    let (folder, clock) = (Folder::new(), Arc::new(TestClock::new()));
    let path = folder.write("config", config(CANARY));
    let written = clock.now() - Duration::from_hours(24);
    folder.set_modified("config", written + Duration::from_millis(700));
    let provider = FileProvider::new(LoginFiles::DockerConfigJson(path), [], clock.clone());
    let first = provider.credential().await.expect("it is copied");
    assert_eq!((first.validity().issued_at(), first.validity().expires_at()), (written, None));
    assert_eq!(first.validity().issuer(), provider.issuer().await);
    clock.step(Duration::from_hours(1));
    assert_eq!(provider.credential().await.expect("it is copied").validity(), first.validity());
    folder.set_modified("config", clock.now() + Duration::from_hours(1));
    let ahead = provider.credential().await.expect("it is copied");
    assert_eq!(ahead.validity().issued_at(), clock.now(), "a credential is not issued in the future");
}

#[tokio::test(start_paused = true)]
async fn a_changed_login_is_noticed_and_a_touched_file_is_not() {
    let folder = Folder::new();
    let provider = provider(LoginFiles::DockerConfigJson(folder.write("config", config("one"))), &["r.example"]);
    provider.credential().await.expect("it is copied");
    let quiet = Duration::from_mins(1);
    timeout(quiet, provider.changed()).await.expect_err("nothing has changed");
    folder.write("config", config("one") + "\n");
    folder.set_modified("config", SystemTime::UNIX_EPOCH);
    timeout(quiet, provider.changed()).await.expect_err("the login is the same");

    let begin = Instant::now();
    let writing = async {
        tokio::time::sleep(Duration::from_secs(12)).await;
        folder.write("config", config("two"));
    };
    tokio::join!(provider.changed(), writing);
    assert_eq!(begin.elapsed(), Duration::from_secs(15), "the file is read every 5 s");
    timeout(quiet, provider.changed()).await.expect_err("a change is reported once");
}

#[tokio::test(start_paused = true)]
async fn a_change_between_two_calls_is_not_lost() {
    let folder = Folder::new();
    let first = provider(LoginFiles::DockerConfigJson(folder.write("config", config("one"))), &[]);
    first.credential().await.expect("it is copied");
    drop(timeout(Duration::from_secs(7), first.changed()).await);
    folder.write("config", config("two"));
    timeout(Duration::from_secs(1), first.changed()).await.expect("the change is reported at once");

    let restarted = provider(LoginFiles::DockerConfigJson(folder.path("config")), &[]);
    let before = restarted.issuer().await.expect("it is known");
    folder.write("config", config("three"));
    timeout(Duration::from_secs(1), restarted.changed()).await.expect("it was compared without a mint");
    assert_ne!(restarted.issuer().await, Some(before));
}

#[tokio::test(start_paused = true)]
async fn a_mounted_file_that_is_swapped_is_noticed() {
    let folder = Folder::new();
    let provider = provider(LoginFiles::DockerConfigJson(folder.mount(1, &config("one"))), &["r.example"]);
    provider.credential().await.expect("it is copied");
    folder.mount(2, &config("two"));
    timeout(Duration::from_secs(6), provider.changed()).await.expect("it is noticed");
    let copied = provider.credential().await.expect("it is copied");
    assert!(copied.logins()[0].secret().expose().contains("two"));
}

#[tokio::test(start_paused = true)]
async fn a_lost_file_is_reported_once_and_its_return_too() {
    let folder = Folder::new();
    let path = folder.write("config", config("one"));
    let provider = provider(LoginFiles::DockerConfigJson(path.clone()), &["r.example"]);
    let second = Duration::from_secs(1);
    provider.credential().await.expect("it is copied");
    fs::write(&path, "").expect("it can be written");
    timeout(second, provider.changed()).await.expect_err("its writer is not done");
    fs::remove_file(&path).expect("it is there");
    timeout(second, provider.changed()).await.expect("the login is gone");
    provider.credential().await.expect_err("it is gone");
    timeout(second, provider.changed()).await.expect_err("it is still gone");
    fs::write(&path, config("one")).expect("it can be written");
    timeout(second, provider.changed()).await.expect("it is back");
}

/// One fault: what the file contains, and the expected kind and code.
type Fault<'a> = (&'a str, Option<&'a [u8]>, ErrorKind, &'a Code);

#[tokio::test]
async fn each_fault_has_its_kind_and_code_and_no_word_of_the_file() {
    let folder = Folder::new();
    let large = format!("{{\"canary\":\"{}\"}}", "x".repeat(1024 * 1024));
    let huge = vec![b'x'; 4 * 1024 * 1024 + 1];
    let two = br#"{"auths":{"https://r.example":{"auth":"dTpw"},"http://r.example":{"auth":"dTpx"}}}"#;
    let faults: [Fault<'_>; 9] = [
        ("missing", None, ErrorKind::Invalid, &codes::FILE),
        ("empty", Some(b" \n"), ErrorKind::Unreachable, &codes::EMPTY),
        ("half", Some(br#"{"auths":{"canary"#), ErrorKind::Malformed, &copy::DOCUMENT),
        ("binary", Some(b"canary\xff"), ErrorKind::Malformed, &copy::DOCUMENT),
        ("another", Some(br#"{"auths":{"canary.example":{"auth":"dTpw"}}}"#), ErrorKind::Invalid, &copy::COPY_ABSENT),
        ("two", Some(two), ErrorKind::Invalid, &copy::COPY_AMBIGUOUS),
        ("helper", Some(br#"{"auths":{"r.example":{}},"credsStore":"x"}"#), ErrorKind::Invalid, &copy::COPY_ENTRY),
        ("large", Some(large.as_bytes()), ErrorKind::Invalid, &copy::COPY_TOO_LARGE),
        ("huge", Some(&huge), ErrorKind::Invalid, &codes::FILE),
    ];
    for (name, content, kind, code) in faults {
        let path = content.map_or_else(|| folder.path(name), |content| folder.write(name, content));
        let provider = provider(LoginFiles::DockerConfigJson(path), &["r.example"]);
        let error = provider.credential().await.expect_err(name);
        assert_eq!((error.kind(), error.code()), (kind, code), "{name}: {error:?}");
        assert!(!format!("{error:?} {error} {provider:?}").contains(CANARY), "{name}: {error:?}");
        // A definite fault is a state of the source like any other. A file whose writer is not done is unknown.
        assert_eq!(provider.issuer().await.is_none(), kind == ErrorKind::Unreachable, "{name}");
    }
    let folder_as_file = provider(LoginFiles::DockerCfg(folder.0.path().into()), &[]);
    assert_eq!(folder_as_file.credential().await.expect_err("a folder").code(), &codes::FILE);
    folder.write("username", "u:canary");
    folder.write("password", "canary");
    let pair = provider(LoginFiles::BasicAuth(folder.0.path().into()), &["r.example"]);
    let error = pair.credential().await.expect_err("a colon");
    assert!(error.code() == &copy::COPY_BASIC_AUTH && !error.chain().contains(CANARY), "{error:?}");
    assert_ne!(error.code(), &CREDENTIAL);
}
