//! Credential helpers of other projects give the logins of a Secret that skopeo then reads.

use std::{fs, path::Path, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use regcred_testkit::{CheckingProxy, FakeAws};
use serde_json::json;

use crate::{
    distribution::Distribution,
    once::{bind, kubeconfig_of_regcred},
    registry::{Skopeo, image},
    world::{World, regcred, setting, with_input},
};

/// Runs a pass with one provider of the type `exec`, and writes the data of the Secret into a file that skopeo reads.
async fn once(dir: &Path, provider: &serde_json::Value) {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let namespace = world.namespace().await;
    world.account(&namespace, "default").await;
    bind(&world, &namespace);
    let (_folder, kubeconfig) = kubeconfig_of_regcred(&world);
    let config = json!({
        "providers": { "helper": provider },
        "targets": [{ "namespace": namespace, "providers": ["helper"] }],
    });
    let file = dir.join("config.json");
    fs::write(&file, config.to_string()).expect("it can be written");
    let output = regcred(&aws, &kubeconfig, &["once", "--config", &file.display().to_string()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let secret = world.get(&namespace, "secrets", "ecr-secret");
    let data = STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().expect("data")).expect("base64");
    fs::write(dir.join("auth.json"), data).expect("it can be written");
}

/// Pushes an image with the login in the file, and fails to push it without a login.
pub(crate) fn push(dir: &Path, proxy: &str, registry: &str) {
    let (layout, auth, empty) = (dir.join("image"), dir.join("auth.json"), dir.join("empty.json"));
    image(&layout);
    fs::write(&empty, "{}").expect("it can be written");
    for (auth, succeeds) in [(empty, false), (auth, true)] {
        let (source, there) = (format!("oci:{}", layout.display()), format!("docker://{registry}/team/app:1"));
        let pushed = Skopeo { proxy, auth: &auth }.run(&["copy", "--dest-tls-verify=false", &source, &there]);
        assert_eq!(pushed.status.success(), succeeds, "{}", String::from_utf8_lossy(&pushed.stderr));
    }
}

/// A folder of gpg. Its agent ends with it.
struct Keys(tempfile::TempDir);

impl Keys {
    fn run(&self, program: &str, args: &[&str], input: &str) {
        let mut command = Command::new(program);
        command.args(args).env("GNUPGHOME", self.0.path()).env("PASSWORD_STORE_DIR", self.0.path().join("store"));
        let output = with_input(&mut command, input);
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let mut end = Command::new("gpgconf");
        let _ = end.args(["--kill", "gpg-agent"]).env("GNUPGHOME", self.0.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_of_pass_pushes_to_a_registry_with_passwords() {
    let dir = tempfile::tempdir().expect("a folder");
    let registry = Distribution::with_user(dir.path(), "robot");
    let keys = Keys(tempfile::tempdir().expect("a folder"));
    let make = ["--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "regcred", "default", "default"];
    keys.run("gpg", &make, "");
    keys.run("pass", &["init", "regcred"], "");
    let login = json!({ "ServerURL": registry.address, "Username": "robot", "Secret": "pass" });
    keys.run("docker-credential-pass", &["store"], &login.to_string());
    let provider = json!({
        "type": "exec", "protocol": "docker", "command": "/usr/bin/docker-credential-pass",
        "registries": [registry.address], "life": "never",
        "env": {
            "PATH": "/usr/bin:/bin", "GNUPGHOME": keys.0.path(), "PASSWORD_STORE_DIR": keys.0.path().join("store"),
        },
    });
    once(dir.path(), &provider).await;
    push(dir.path(), "", &registry.address);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_of_gcloud_pushes_to_artifact_registry() {
    let Some(helper) = installed("docker-credential-gcloud") else {
        println!("docker-credential-gcloud is not installed");
        return;
    };
    let (dir, host) = (tempfile::tempdir().expect("a folder"), "europe-docker.pkg.dev");
    let proxy = CheckingProxy::start(setting("REGCRED_LIVE_REGISTRY").parse().expect("an address")).await;
    proxy.accept(host, "_dcgcloud_token", "token-of-gcloud");
    let provider = json!({
        "type": "exec", "protocol": "docker", "command": helper, "registries": [host], "life": "50m",
        "env": { "PATH": "/usr/bin:/bin", "HOME": dir.path(), "CLOUDSDK_AUTH_ACCESS_TOKEN": "token-of-gcloud" },
    });
    once(dir.path(), &provider).await;
    push(dir.path(), &proxy.url(), host);
}

/// Returns the path of a program. It is not a package of Debian, so not every machine has it.
fn installed(program: &str) -> Option<String> {
    let output = Command::new("sh").args(["-c", "command -v \"$0\"", program]).output().expect("a shell");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
