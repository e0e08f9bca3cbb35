//! A login for Docker Hub, from a custom provider to the pull. It passes through the engine, a Secret on a real API
//! server, and the programs that read the Secret.

use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use regcred_core::{
    Clock, Login, Registry, RegistryCredential, RegistryProvider, Result, Scope, SystemClock, Validity, async_trait,
    testing::provider_name,
};
use regcred_dockerconfig::{DockerConfig, hidden};
use regcred_engine::{Engine, Minter, Pass, Route};
use regcred_openshift::{Link, OpenShiftSink};
use regcred_testkit::CheckingProxy;

use crate::{
    registry::{Skopeo, image},
    world::{World, setting, target},
};

const USER: &str = "team-bot";
/// A password with a trailing newline, as in pasted key files.
const PASSWORD: &str = "dckr_pat_opens:nothing\n";

#[derive(Debug)]
struct DockerHub;

fn docker_hub() -> Registry {
    Registry::new("https://index.docker.io/v1/").expect("any spelling will do")
}

#[async_trait]
impl RegistryProvider for DockerHub {
    async fn credential(&self) -> Result<RegistryCredential> {
        let now = SystemClock.now();
        let login = Login::new(vec![docker_hub()], USER, PASSWORD.into())?;
        RegistryCredential::new(vec![login], Validity::new(now, Some(now + Duration::from_hours(1)))?)
    }

    fn scope(&self) -> Scope {
        Scope::Exact(vec![docker_hub()])
    }
}

/// Pulls an image with separate storage, and without any registry configuration of this machine.
pub(crate) fn pull(program: &str, dir: &Path, proxy: &str, auth: &Path, image: &str) {
    let storage = dir.join(format!("{program}-storage"));
    let mut command = Command::new(program);
    command.args(["--root", &storage.display().to_string(), "--storage-driver", "vfs"]);
    command.args(["--runroot", &dir.join(format!("{program}-run")).display().to_string()]);
    command.args(["pull", "--tls-verify=false", "--authfile", &auth.display().to_string()]);
    let policy = dir.join("policy.json");
    fs::write(&policy, r#"{"default":[{"type":"insecureAcceptAnything"}]}"#).expect("it can be written");
    command.args(["--signature-policy", &policy.display().to_string(), image]);
    command.env("HTTP_PROXY", proxy).env("HTTPS_PROXY", proxy).env("NO_PROXY", "").env("HOME", dir);
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skopeo_podman_and_buildah_pull_from_docker_hub_with_the_written_secret() {
    let world = World::new().await;
    let namespace = world.namespace().await;
    world.account(&namespace, "default").await;
    let target = target(&namespace);
    let sink = OpenShiftSink::builder(world.cluster().await).with_links([Link::pull("default")]).build();
    let route = Route::new("test", vec![provider_name("hub")], vec![target.clone()], sink);
    let engine = Engine::builder(Arc::new(SystemClock));
    let engine = engine.with_minter(Minter::new(provider_name("hub"), Arc::new(DockerHub))).with_route(route);
    let report = engine.build().expect("it is whole").once(Pass::default()).await;
    assert_eq!(report.exit_code(), 0, "{report:?}");

    let secret = world.get(&namespace, "secrets", "ecr-secret");
    let data = STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().expect("data")).expect("base64");
    let config = DockerConfig::parse(&data).expect("a Docker config");
    assert_eq!(config.registries().collect::<Vec<_>>(), ["https://index.docker.io/v1/"]);
    assert_eq!(hidden(&config, &docker_hub()), [], "every reader takes it");
    assert!(secret["metadata"]["annotations"]["regcred.dev/hosts"].to_string().contains("docker.io"));

    let dir = tempfile::tempdir().expect("a folder");
    let (auth, layout) = (dir.path().join("auth.json"), dir.path().join("image"));
    fs::write(&auth, &data).expect("it can be written");
    image(&layout);
    let proxy = CheckingProxy::start(setting("REGCRED_LIVE_REGISTRY").parse().expect("an address")).await;
    proxy.accept("registry-1.docker.io", USER, PASSWORD);
    let skopeo = Skopeo { proxy: &proxy.url(), auth: &auth };
    let name = format!("docker.io/{namespace}/app:1");
    let there = format!("docker://{name}");
    let pushed = skopeo.run(&["copy", "--dest-tls-verify=false", &format!("oci:{}", layout.display()), &there]);
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    let read = skopeo.run(&["inspect", "--tls-verify=false", &there]);
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    for program in ["podman", "buildah"] {
        pull(program, dir.path(), &proxy.url(), &auth, &name);
    }
    let hosts = proxy.requests().into_iter().map(|(host, ..)| host).collect::<Vec<_>>();
    assert!(hosts.iter().all(|host| host.starts_with("registry-1.docker.io")), "{hosts:?}");
    fs::write(&auth, r#"{"auths":{"quay.io":{"auth":"dTpw"}}}"#).expect("it can be written");
    let refused = skopeo.run(&["inspect", "--tls-verify=false", &there]);
    assert!(!refused.status.success(), "without the login, the registry refuses");
}
