//! The image, end to end. It is pushed with the Secret that regcred wrote, pulled again, and run as OpenShift runs it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_testkit::{CheckingProxy, FakeAws};
use serde_json::Value;

use crate::{
    once::{bind, kubeconfig_of_regcred},
    world::{World, regcred, setting},
};

const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
/// A user id like one that OpenShift picks from the range of a namespace.
const USER: &str = "1000770000";

#[track_caller]
fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("it is there")).expect("JSON")
}

/// Unpacks an OCI layout to a root file system. Returns the image config.
fn unpack(layout: &Path, root: &Path) -> Value {
    let blob = |digest: &Value| {
        layout.join("blobs/sha256").join(digest.as_str().expect("a digest").trim_start_matches("sha256:"))
    };
    let index = json(&layout.join("index.json"));
    let manifest = json(&blob(&index["manifests"][0]["digest"]));
    for layer in manifest["layers"].as_array().expect("layers") {
        let mut tar = Command::new("tar");
        succeeds(tar.args(["--extract", "--gzip", "--file"]).arg(blob(&layer["digest"])).arg("--directory").arg(root));
    }
    json(&blob(&manifest["config"]["digest"]))
}

/// Runs a program in a read-only root file system, with an unknown user id and without capabilities.
fn run(root: &Path, environment: &[(&str, String)], args: &[&str]) -> Output {
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && root=$1 && shift && \
                  exec setpriv --no-new-privs chroot --userspec=+$USER_ID:+0 --groups= \"$root\" \"$@\"";
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "sh", "-c", script, "sh"]).arg(root).arg("/regcred").args(args);
    unshare.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("USER_ID", USER);
    unshare.envs(environment.iter().map(|(name, value)| (name, value)));
    unshare.output().expect("unshare starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_image_is_pushed_pulled_and_run_as_on_openshift() {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let proxy = CheckingProxy::start(setting("REGCRED_LIVE_REGISTRY").parse().expect("an address")).await;
    let namespace = world.namespace().await;
    world.account(&namespace, "builder").await;
    bind(&world, &namespace);
    let (dir, kubeconfig) = kubeconfig_of_regcred(&world);
    let config = dir.path().join("config.yaml");
    fs::write(&config, format!("targets: [{{ namespace: {namespace}, region: eu-west-1 }}]"))
        .expect("it can be written");
    let output = regcred(&aws, &kubeconfig, &["once", "--config", &config.display().to_string()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let secret = world.get(&namespace, "secrets", "ecr-secret");
    let auth = dir.path().join("auth.json");
    let data = STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().expect("data")).expect("base64");
    fs::write(&auth, data).expect("it can be written");
    let minted = aws.issued().pop().expect("a token was minted");

    // buildah pushes, as an OpenShift build does, to a registry that accepts only that token.
    let there = format!("docker://{HOST}/regcred:0.1.0");
    let store = PathBuf::from(setting("REGCRED_LIVE_IMAGE_STORE"));
    let push = || {
        let mut buildah = Command::new("buildah");
        buildah
            .args(["--storage-driver", "vfs", "--root"])
            .arg(store.join("root"))
            .arg("--runroot")
            .arg(store.join("run"));
        buildah
            .args(["push", "--quiet", "--tls-verify=false", "--authfile"])
            .arg(&auth)
            .args(["regcred:latest", &there]);
        buildah.env("HTTP_PROXY", proxy.url()).env("HTTPS_PROXY", proxy.url()).env("NO_PROXY", "");
        buildah
    };
    let refused = push().output().expect("buildah starts");
    assert!(!refused.status.success(), "the registry accepts no login yet");
    proxy.accept(HOST, "AWS", &minted.password);
    succeeds(&mut push());

    // Pull the image again, as a node does.
    let layout = dir.path().join("layout");
    let mut skopeo = Command::new("skopeo");
    skopeo
        .args(["--insecure-policy", "copy", "--src-tls-verify=false", &there])
        .arg(format!("oci:{}", layout.display()));
    skopeo
        .env("REGISTRY_AUTH_FILE", &auth)
        .env("HTTP_PROXY", proxy.url())
        .env("HTTPS_PROXY", proxy.url())
        .env("NO_PROXY", "");
    succeeds(&mut skopeo);
    let root = dir.path().join("root");
    fs::create_dir(&root).expect("a folder");
    let image = unpack(&layout, &root);
    assert_eq!(image["config"]["User"], "65532:0", "it has an arbitrary user");
    assert_eq!(image["config"]["Entrypoint"], serde_json::json!(["/regcred"]));
    let labels = &image["config"]["Labels"];
    for label in ["name", "vendor", "version", "release", "summary", "description", "org.opencontainers.image.revision"]
    {
        assert!(labels[label].as_str().is_some_and(|it| !it.is_empty()), "{label}: {labels:#}");
    }
    let bill = json(&root.join("licenses/sbom.cdx.json"));
    let parts = bill["components"].as_array().expect("a list");
    assert!(parts.len() > 100 && parts.iter().any(|it| it["name"] == "aws-sdk-ecr"), "{} parts", parts.len());

    let version = run(&root, &[], &["version"]);
    assert!(version.status.success(), "{}", String::from_utf8_lossy(&version.stderr));
    // Run a pass inside the image, with the config and the token where a pod has them. The root file system is
    // read-only.
    let inside = root.join("etc/regcred");
    fs::create_dir_all(&inside).expect("a folder");
    fs::copy(&config, inside.join("config.yaml")).expect("it can be copied");
    let text = fs::read_to_string(&kubeconfig).expect("text");
    let line = text.split("certificate-authority: '").nth(1).expect("it has one");
    let authority = line.split('\'').next().expect("a path");
    fs::copy(authority, inside.join("ca.crt")).expect("it can be copied");
    fs::write(inside.join("kubeconfig"), text.replace(authority, "/etc/regcred/ca.crt")).expect("it can be written");
    let environment = [
        ("AWS_ENDPOINT_URL", aws.url()),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".into()),
        ("AWS_SECRET_ACCESS_KEY", "live".into()),
    ];
    let args = [
        "once",
        "--force",
        "--output",
        "json",
        "--config",
        "/etc/regcred/config.yaml",
        "--kubeconfig",
        "/etc/regcred/kubeconfig",
    ];
    let pass = run(&root, &environment, &args);
    let report = serde_json::from_slice::<Value>(&pass.stdout).unwrap_or_default();
    assert_eq!(pass.status.code(), Some(0), "{report:#} {}", String::from_utf8_lossy(&pass.stderr));
    assert_eq!(report["targets"][0]["done"], "updated", "{report:#}");
    assert_eq!(aws.issued().len(), 2, "it minted one of its own");
}
