//! The provider passes the conformance suite, and a config can use it.

use std::{fs, path::Path, process::Command, sync::Arc};

use file_login::{FileLogin, Options};
use regcred::{
    async_trait,
    core::{Clock, RegistryProvider, SystemClock, testing::conformance},
};
use regcred_testkit::{FakeAws, FakeKube};
use tempfile::TempDir;

const CANARY: &str = "canary";

struct Files(TempDir);

impl Files {
    fn with(&self, name: &str, text: &str) -> Arc<dyn RegistryProvider> {
        let password_file = self.0.path().join(name);
        fs::write(&password_file, text).expect("it can be written");
        let options = Options { registry: "quay.io".into(), username: "robot".into(), password_file, minutes: 60 };
        Arc::new(FileLogin::new(options).expect("valid"))
    }
}

#[async_trait]
impl conformance::ProviderUnderTest for Files {
    fn canary(&self) -> &str {
        CANARY
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    async fn provider(&self) -> Arc<dyn RegistryProvider> {
        self.with("password", "canary-1\n")
    }

    async fn misled(&self) -> Arc<dyn RegistryProvider> {
        self.with("binary", "canary\u{0}1")
    }
}

#[tokio::test]
async fn the_file_provider_conforms() {
    conformance::provider(&Files(tempfile::tempdir().expect("a folder"))).await;
}

/// Runs the binary with this config. Returns its exit code and its output.
fn run(dir: &Path, command: &str, config: &str, aws: &str) -> (Option<i32>, String) {
    let file = dir.join("regcred.yaml");
    fs::write(&file, config).expect("it can be written");
    let mut regcred = Command::new(env!("CARGO_BIN_EXE_regcred-with-files"));
    regcred
        .args(command.split(' '))
        .arg("--config")
        .arg(&file)
        .current_dir(dir)
        .env_clear()
        .env("AWS_ENDPOINT_URL", aws);
    regcred.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "opens-nothing");
    let output = regcred.env("KUBECONFIG", dir.join("kubeconfig")).output().expect("it starts");
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).expect("text"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_can_use_the_file_type_beside_built_in_types() {
    let (aws, kube, dir) = (FakeAws::start().await, FakeKube::start().await, tempfile::tempdir().expect("a folder"));
    kube.add_namespace("team-a", &["default"]);
    fs::write(dir.path().join("kubeconfig"), kube.kubeconfig()).expect("it can be written");
    fs::write(dir.path().join("password"), CANARY).expect("it can be written");
    let config = "providers:\n  quay: { type: file, registry: quay.io, username: robot, password_file: password, minutes: 60 }\n  \
                  pull: { type: ecr, region: eu-west-1 }\ntargets: [{ namespace: team-a, providers: [quay, pull] }]\n";
    let (code, said) = run(dir.path(), "check --online", config, &aws.url());
    assert!(code == Some(0) && said.contains("quay: a token for quay.io until 2") && !said.contains(CANARY), "{said}");
    let (code, said) = run(dir.path(), "once", config, &aws.url());
    assert_eq!(code, Some(0), "{said}");
    let secret = kube.object("secrets", "team-a", "ecr-secret").expect("it was written");
    let hosts = secret["metadata"]["annotations"]["regcred.dev/hosts"].as_str().expect("an annotation");
    assert!(hosts.contains("quay.io") && hosts.contains("123456789012.dkr.ecr.eu-west-1.amazonaws.com"), "{hosts}");
}

#[test]
fn errors_in_file_options_are_reported_with_all_others() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = "providers:\n  quay: { type: file, registry: quay.io, usrname: robot }\n  \
                  no: { type: file, registry: 'ftp://x', username: robot, password_file: x, minutes: 5 }\n  \
                  what: { type: vault }\ntargets: [{ namespace: team-a, providers: [quay] }]\n";
    let (code, said) = run(dir.path(), "check", config, "");
    let lines = said.lines().collect::<Vec<_>>();
    assert_eq!((code, lines.len()), (Some(2), 5), "{said}");
    assert!(
        lines[0].contains("yaml:2: providers.quay.usrname: this key is not known; did you mean `username`?"),
        "{said}"
    );
    for (line, key) in [(1, "password_file"), (2, "minutes")] {
        assert!(lines[line].contains(&format!("yaml:2: providers.quay.{key}: it is missing")), "{said}");
    }
    assert!(lines[3].contains("yaml:3: providers.no.registry: "), "{said}");
    assert!(
        lines[4].contains(
            "yaml:4: providers.what.type: \"vault\" is not a type of provider (known types: azure, ecr, ecr-public, exec, file, google, jfrog, oidc, quay, secret)"
        ),
        "{said}"
    );
}
