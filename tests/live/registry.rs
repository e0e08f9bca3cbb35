//! skopeo logs in, pushes and pulls with the Secret that regcred wrote. The registry accepts only the minted token. An
//! image is also pulled without a Secret, with a login that was minted for it.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_testkit::{CheckingProxy, FakeAws, FaultProxy, ForwardProxy, tls::Authority};
use serde_json::{Value, json};

use crate::{
    once::{bind, kubeconfig_of_regcred},
    world::{World, regcred, setting, with_input},
};

const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

pub(crate) struct Skopeo<'a> {
    pub(crate) proxy: &'a str,
    pub(crate) auth: &'a Path,
}

impl Skopeo<'_> {
    pub(crate) fn run(&self, args: &[&str]) -> Output {
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

/// Creates a small image: a config, and one layer without files.
pub(crate) fn image(dir: &Path) {
    let blobs = dir.join("blobs/sha256");
    fs::create_dir_all(&blobs).expect("a folder");
    let put = |content: &str| {
        let sum = with_input(&mut Command::new("sha256sum"), content);
        let sum = String::from_utf8(sum.stdout).expect("text").split(' ').next().expect("a sum").to_owned();
        fs::write(blobs.join(&sum), content).expect("it can be written");
        (format!("sha256:{sum}"), content.len())
    };
    let (layer, size) = put(&"\0".repeat(1024));
    let rootfs = json!({ "type": "layers", "diff_ids": [layer] });
    let layer = json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": size });
    let config = json!({ "architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs });
    let (config, size) = put(&config.to_string());
    let config = json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": size });
    let manifest_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({ "schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": [layer] });
    let (manifest, size) = put(&manifest.to_string());
    let manifest = json!({ "mediaType": manifest_type, "digest": manifest, "size": size });
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(dir.join("index.json"), index.to_string()).expect("it can be written");
    fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("it can be written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skopeo_logs_in_pushes_and_pulls_with_the_written_secret() {
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

    // The registry accepts only the minted token. It refuses a token with a different last character.
    let mut wrong = minted.password.clone();
    let last = wrong.pop().expect("it is not empty");
    wrong.push(if last == 'A' { 'B' } else { 'A' });
    let refused = dir.path().join("refused.json");
    let entry = json!({ "auths": { HOST: { "auth": STANDARD.encode(format!("AWS:{wrong}")) } } });
    fs::write(&refused, entry.to_string()).expect("it can be written");
    let refused = Skopeo { auth: &refused, ..skopeo }.run(&["inspect", "--tls-verify=false", &there]);
    assert!(!refused.status.success(), "a token of which only the beginning is right is refused");

    // A forced refresh replaces the token in place, and the new token works.
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_pushed_by_skopeo_is_pulled_with_a_minted_login() {
    let (aws, dir) = (FakeAws::start().await, tempfile::tempdir().expect("a folder"));
    let registry = setting("REGCRED_LIVE_REGISTRY").parse().expect("an address");
    let registry = Arc::new(CheckingProxy::start(registry).await);
    registry.accept(HOST, "AWS", "pushes");
    let (auth, layout) = (dir.path().join("auth.json"), dir.path().join("image"));
    let entry = json!({ "auths": { HOST: { "auth": STANDARD.encode("AWS:pushes") } } });
    fs::write(&auth, entry.to_string()).expect("it can be written");
    image(&layout);
    let there = format!("docker://{HOST}/pulled:1");
    let skopeo = Skopeo { proxy: &registry.url(), auth: &auth };
    let push = skopeo.run(&["copy", "--dest-tls-verify=false", &format!("oci:{}", layout.display()), &there]);
    assert!(push.status.success(), "{}", String::from_utf8_lossy(&push.stderr));
    let digest = skopeo.run(&["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &there]).stdout;

    // The registry is behind TLS, as ECR is. A proxy sends every host to it.
    let (authority, proxy) = (Authority::new(), ForwardProxy::start().await);
    let bundle = dir.path().join("ca.pem");
    fs::write(&bundle, authority.pem()).expect("it can be written");
    let address = registry.url().strip_prefix("http://").expect("plain").parse().expect("an address");
    let tls = FaultProxy::start_tls(address, &authority.issue(&[HOST])).await;
    proxy.tunnel_to(tls.address());
    let opened = registry.clone();
    aws.on_issue(move |issued| opened.accept(&issued.registry, "AWS", &issued.password));
    let mut pull = Command::new(setting("REGCRED_LIVE_PULL_IMAGE"));
    pull.arg(format!("{HOST}/pulled:1")).env_clear().env("AWS_ENDPOINT_URL", aws.url());
    pull.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "live");
    let pulled = pull.env("HTTPS_PROXY", proxy.url()).env("SSL_CERT_FILE", bundle).output().expect("it starts");
    assert_eq!(pulled.status.code(), Some(0), "{}", String::from_utf8_lossy(&pulled.stderr));
    let said = String::from_utf8(pulled.stdout).expect("text");
    let lines = said.lines().collect::<Vec<_>>();
    let digest = String::from_utf8(digest).expect("text");
    assert_eq!(lines[0], format!("{HOST}/pulled:1 is {}", digest.trim()));
    assert!(lines.len() == 3 && lines[2].contains("application/vnd.oci.image.layer.v1.tar"), "{said}");
}
