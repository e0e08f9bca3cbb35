//! skopeo logs in, pushes and pulls with the Secret that regcred wrote, at a registry that takes exactly the minted token.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_testkit::{CheckingProxy, FakeAws};
use serde_json::{Value, json};

use crate::{
    once::{bind, kubeconfig_of_regcred},
    world::{World, regcred, setting, with_input},
};

const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

struct Skopeo<'a> {
    proxy: &'a str,
    auth: &'a Path,
}

impl Skopeo<'_> {
    fn run(&self, args: &[&str]) -> Output {
        let mut skopeo = Command::new("skopeo");
        skopeo
            .arg("--insecure-policy")
            .args(args)
            .env("HTTP_PROXY", self.proxy)
            .env("HTTPS_PROXY", self.proxy)
            .env("NO_PROXY", "");
        skopeo.env("REGISTRY_AUTH_FILE", self.auth);
        skopeo.output().expect("skopeo starts")
    }
}

/// The smallest image: a config and no layer.
fn image(dir: &Path) {
    let blobs = dir.join("blobs/sha256");
    fs::create_dir_all(&blobs).expect("a folder");
    let put = |content: &Value| {
        let content = content.to_string();
        let sum = with_input(&mut Command::new("sha256sum"), &content);
        let sum = String::from_utf8(sum.stdout).expect("text").split(' ').next().expect("a sum").to_owned();
        fs::write(blobs.join(&sum), &content).expect("it can be written");
        (format!("sha256:{sum}"), content.len())
    };
    let rootfs = json!({ "type": "layers", "diff_ids": [] });
    let (config, size) = put(&json!({ "architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs }));
    let config = json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": size });
    let manifest_type = "application/vnd.oci.image.manifest.v1+json";
    let (manifest, size) =
        put(&json!({ "schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": [] }));
    let manifest = json!({ "mediaType": manifest_type, "digest": manifest, "size": size });
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(dir.join("index.json"), index.to_string()).expect("it can be written");
    fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("it can be written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skopeo_logs_in_pushes_and_pulls_with_the_secret_that_was_written() {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let proxy = CheckingProxy::start(setting("REGCRED_LIVE_REGISTRY").parse().expect("an address")).await;
    let namespace = world.namespace().await;
    world.account(&namespace, "default").await;
    bind(&world, &namespace);
    let (dir, kubeconfig) = kubeconfig_of_regcred(&world);
    let config = dir.path().join("config.yaml");
    fs::write(&config, format!("targets: [{{ namespace: {namespace}, region: eu-west-1 }}]"))
        .expect("it can be written");
    let config = config.display().to_string();
    let once = |more: &[&str]| {
        let output = regcred(&aws, &kubeconfig, &[&["once", "--config", &config], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let secret = world.get(&namespace, "secrets", "ecr-secret");
        STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().expect("data")).expect("base64")
    };

    let auth = dir.path().join("auth.json");
    fs::write(&auth, once(&[])).expect("it can be written");
    let minted = aws.issued().pop().expect("a token was minted");
    assert!(minted.password.len() > 72, "as long as a real one, all of which has to be compared");
    proxy.accept(HOST, "AWS", &minted.password);
    let layout = dir.path().join("image");
    image(&layout);
    let (source, there) = (format!("oci:{}", layout.display()), format!("docker://{HOST}/app:1"));
    let skopeo = Skopeo { proxy: &proxy.url(), auth: &auth };

    let login = skopeo.run(&["login", "--get-login", HOST]);
    assert_eq!(String::from_utf8_lossy(&login.stdout).trim(), "AWS", "the file is read as a login for the host");
    let push = skopeo.run(&["copy", "--dest-tls-verify=false", &source, &there]);
    assert!(push.status.success(), "{}", String::from_utf8_lossy(&push.stderr));
    let pull = skopeo.run(&["inspect", "--tls-verify=false", "--format", "{{.Architecture}}", &there]);
    assert!(pull.status.success(), "{}", String::from_utf8_lossy(&pull.stderr));
    assert_eq!(String::from_utf8_lossy(&pull.stdout).trim(), "amd64");

    // The registry takes the minted token alone: one that differs in its last character is refused.
    let mut wrong = minted.password.clone();
    let last = wrong.pop().expect("it is not empty");
    wrong.push(if last == 'A' { 'B' } else { 'A' });
    let refused = dir.path().join("refused.json");
    let entry = json!({ "auths": { HOST: { "auth": STANDARD.encode(format!("AWS:{wrong}")) } } });
    fs::write(&refused, entry.to_string()).expect("it can be written");
    let refused = Skopeo { auth: &refused, ..skopeo }.run(&["inspect", "--tls-verify=false", &there]);
    assert!(!refused.status.success(), "a token of which only the beginning is right is refused");

    // A forced refresh replaces the token in place, and the new one works.
    let uid = |secret: &Value| secret["metadata"]["uid"].clone();
    let before = uid(&world.get(&namespace, "secrets", "ecr-secret"));
    fs::write(&auth, once(&["--force"])).expect("it can be written");
    let newer = aws.issued().pop().expect("a second token was minted");
    assert_ne!(newer.password, minted.password);
    proxy.accept(HOST, "AWS", &newer.password);
    let again = Skopeo { proxy: &proxy.url(), auth: &auth }.run(&["inspect", "--tls-verify=false", &there]);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(uid(&world.get(&namespace, "secrets", "ecr-secret")), before, "the Secret was never deleted");
}
