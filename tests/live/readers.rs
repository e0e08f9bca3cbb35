//! Skopeo, Podman and Buildah choose the login that `regcred-dockerconfig` predicts. They can pull with a merged
//! config.

use std::{fs, path::Path, process::Command};

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_core::Registry;
use regcred_dockerconfig::{DockerConfig, Reader, Taken, hidden, taken};
use regcred_testkit::CheckingProxy;
use serde_json::{Map, Value, json};

use crate::{
    registry::{Skopeo, image},
    world::setting,
};

const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const READERS: [&str; 3] = ["skopeo", "podman", "buildah"];

/// Builds a Docker config. `HOST` is replaced by the host. The user of each login is `u` and the position of its key.
fn config(keys: &[&str], beside: &Value) -> (Vec<u8>, Vec<String>) {
    let keys = keys.iter().map(|key| key.replace("HOST", HOST)).collect::<Vec<_>>();
    let entry = |place| json!({ "auth": STANDARD.encode(format!("u{place}:password")) });
    let auths = keys.iter().enumerate().map(|(place, key)| (key.clone(), entry(place))).collect::<Map<_, _>>();
    let mut config = serde_json::from_str::<Value>(&beside.to_string().replace("HOST", HOST)).expect("JSON");
    config["auths"] = auths.into();
    (config.to_string().into_bytes(), keys)
}

/// Returns the user of the login that a program chooses for an image. `None` means no login.
fn user(program: &str, file: &Path, image: &str) -> Option<String> {
    let mut command = Command::new(program);
    let output = command.args(["login", "--get-login", "--authfile"]).arg(file).arg(image).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
fn readers_with_containers_image_use_the_predicted_key() {
    let keys: [&[&str]; 20] = [
        &["HOST"],
        &["HOST", "HOST/team"],
        &["HOST", "HOST/team", "HOST/team/app"],
        &["HOST/team"],
        &["HOST/team/"],
        &["HOST/"],
        &["HOST", "https://HOST"],
        &["https://HOST"],
        &["http://HOST"],
        &["HTTPS://HOST"],
        &["https://HOST/"],
        &["https://HOST/v1/"],
        &["https://HOST/v2/"],
        &["https://HOST/team"],
        &["HOST/v1/"],
        &["HOST:443"],
        &["HOST", "HOST:443", "HOST:443/team"],
        &["*.dkr.ecr.eu-west-1.amazonaws.com"],
        &["HOST", "*.dkr.ecr.eu-west-1.amazonaws.com"],
        &["quay.io"],
    ];
    let nothing = json!({});
    let beside = [
        json!({ "credsStore": "none" }),
        json!({ "credHelpers": { "HOST": "none" } }),
        json!({ "credHelpers": { "HOST": "" } }),
        json!({ "credHelpers": { "quay.io": "none" } }),
        json!({ "credHelpers": {} }),
        json!({ "credHelpers": null }),
        json!({ "credHelpers": [] }),
        json!({ "credHelpers": { "HOST": 7 } }),
        json!({ "credsStore": 7 }),
        json!({ "CredHelpers": { "HOST": "none" } }),
    ];
    let configs = keys.iter().map(|keys| config(keys, &nothing));
    let configs = configs.chain(beside.iter().map(|beside| config(&["HOST", "HOST/team"], beside)));
    use_predicted_keys(configs, &["HOST", "HOST/team", "HOST/team/app", "HOST/team-b/app", "HOST:443/team"]);
}

#[test]
fn readers_with_containers_image_use_the_predicted_docker_hub_key() {
    let keys: [&[&str]; 9] = [
        &["https://index.docker.io/v1/"],
        &["docker.io"],
        &["index.docker.io"],
        &["registry-1.docker.io"],
        &["https://index.docker.io/v1/", "docker.io"],
        &["https://index.docker.io/v1/", "docker.io/team"],
        &["https://index.docker.io/v1/", "https://docker.io"],
        &["https://index.docker.io/v1/team"],
        &["hub.docker.com", "https://registry.hub.docker.com"],
    ];
    let beside = [
        json!({ "credHelpers": { "docker.io": "none" } }),
        json!({ "credHelpers": { "https://index.docker.io/v1/": "none" } }),
    ];
    let configs = keys.iter().map(|keys| config(keys, &json!({})));
    let configs = configs.chain(beside.iter().map(|beside| config(&["https://index.docker.io/v1/"], beside)));
    use_predicted_keys(configs, &["docker.io", "docker.io/team", "docker.io/team/app", "docker.io/other/app"]);
}

/// Asserts that the programs choose the predicted login for each image and config.
fn use_predicted_keys(configs: impl Iterator<Item = (Vec<u8>, Vec<String>)>, images: &[&str]) {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("auth.json");
    for (bytes, keys) in configs {
        fs::write(&file, &bytes).expect("it can be written");
        let parsed = DockerConfig::parse(&bytes).expect("a Docker config");
        for image in images {
            let image = image.replace("HOST", HOST);
            let predicted = match taken(&parsed, Reader::Containers, &image) {
                Taken::Keys(groups) => groups.into_iter().next().unwrap_or_default(),
                Taken::Helper(_) | Taken::Refused(_) => vec![],
            };
            let place = |key: &String| keys.iter().position(|it| it == key).expect("it is one of them");
            let predicted = predicted.iter().map(|key| format!("u{}", place(key))).collect::<Vec<_>>();
            for program in READERS {
                let config = String::from_utf8_lossy(&bytes);
                match user(program, &file, &image) {
                    Some(user) => {
                        assert!(predicted.contains(&user), "{program} {image} {user}: {predicted:?} {config}");
                    }
                    None => assert!(predicted.is_empty(), "{program} {image} took none: {predicted:?} {config}"),
                }
            }
        }
    }
}

#[test]
fn an_entry_that_go_cannot_decode_breaks_the_config_as_predicted() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("auth.json");
    let entries = [
        "7",
        "[]",
        "\"x\"",
        "true",
        "null",
        "{}",
        r#"{"auth":7}"#,
        r#"{"auth":null}"#,
        r#"{"auth":"%%%"}"#,
        r#"{"auth":"Zm9v"}"#,
        r#"{"email":7}"#,
        r#"{"identitytoken":7}"#,
        r#"{"username":7}"#,
        r#"{"AUTH":7}"#,
    ];
    for entry in entries {
        let bytes = format!(r#"{{"auths":{{"{HOST}":{{"auth":"dTpw"}},"quay.io":{entry}}}}}"#);
        fs::write(&file, &bytes).expect("it can be written");
        let parsed = DockerConfig::parse(bytes.as_bytes()).expect("a Docker config");
        let is_refused = matches!(taken(&parsed, Reader::Containers, HOST), Taken::Refused(_));
        for program in READERS {
            assert_eq!(user(program, &file, HOST).is_none(), is_refused, "{program}: {entry}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skopeo_pulls_with_every_key_after_a_merge() {
    let registry = CheckingProxy::start(setting("REGCRED_LIVE_REGISTRY").parse().expect("an address")).await;
    registry.accept(HOST, "AWS", "new");
    let dir = tempfile::tempdir().expect("a folder");
    let (auth, layout) = (dir.path().join("auth.json"), dir.path().join("image"));
    let proxy = registry.url();
    let skopeo = Skopeo { proxy: &proxy, auth: &auth };
    image(&layout);
    let (source, there) = (format!("oci:{}", layout.display()), format!("docker://{HOST}/team/merged:1"));
    let host = Registry::new(HOST).expect("a host");
    let old = json!({ "auth": STANDARD.encode("AWS:old") });
    let keys = [
        "HOST",
        "HOST/team",
        "HOST/team/merged",
        "https://HOST",
        "https://HOST/v1/",
        "http://HOST",
        "HOST:443",
        "HOST/",
        "quay.io",
    ];
    for key in keys {
        let before = json!({ "auths": { key.replace("HOST", HOST): old } }).to_string();
        fs::write(&auth, &before).expect("it can be written");
        let refused = skopeo.run(&["copy", "--dest-tls-verify=false", &source, &there]);
        assert!(!refused.status.success(), "{key}: the old token is not accepted");
        let mut config = DockerConfig::parse(before.as_bytes()).expect("a Docker config");
        config.set(&host, "AWS", &"new".into());
        config.renew_aliases([&host]);
        assert_eq!(hidden(&config, &host), [], "{key}");
        fs::write(&auth, config.to_bytes()).expect("it can be written");
        let copied = skopeo.run(&["copy", "--dest-tls-verify=false", &source, &there]);
        assert!(copied.status.success(), "{key}: {}", String::from_utf8_lossy(&copied.stderr));
        let read = skopeo.run(&["inspect", "--tls-verify=false", &there]);
        assert!(read.status.success(), "{key}: {}", String::from_utf8_lossy(&read.stderr));
    }
}
