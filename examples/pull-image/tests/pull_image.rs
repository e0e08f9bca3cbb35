//! The example pulls over HTTPS, from a registry that accepts only the minted login.

use std::{collections::BTreeMap, fmt::Write, fs, net::SocketAddr, process::Command, sync::Arc};

use axum::{
    extract::Request,
    handler::HandlerWithoutStateExt,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use regcred_testkit::{CheckingProxy, FakeAws, FaultProxy, ForwardProxy, tls::Authority};
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::net::TcpListener;

const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A registry with one image: its paths with media type and content, and the expected output of `pull-image`.
struct Image {
    served: BTreeMap<String, (&'static str, String)>,
    told: String,
}

impl Image {
    fn new() -> Self {
        let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] } });
        let blobs = [(CONFIG, config.to_string()), (LAYER, "one".into()), (LAYER, "another".repeat(100_000))];
        let (mut served, mut lines) = (BTreeMap::new(), String::new());
        let descriptors = blobs.map(|(kind, content)| {
            let (digest, size) = (digest(&content), content.len());
            let _ = writeln!(lines, "{digest} {kind} {size} bytes");
            served.insert(format!("/v2/app/blobs/{digest}"), (kind, content));
            json!({ "mediaType": kind, "digest": digest, "size": size })
        });
        let [config, layers @ ..] = &descriptors;
        let manifest =
            json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers }).to_string();
        let told = format!("{HOST}/app:1 is {}\n{lines}", digest(&manifest));
        served.insert("/v2/app/manifests/1".into(), (MANIFEST, manifest));
        Self { served, told }
    }

    async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let (address, served) = (listener.local_addr().expect("it is bound"), Arc::new(self.served.clone()));
        let answer = async move |request: Request| -> Response {
            match served.get(request.uri().path()) {
                Some((kind, content)) => ([("content-type", *kind)], content.clone()).into_response(),
                None => StatusCode::NOT_FOUND.into_response(),
            }
        };
        tokio::spawn(async { axum::serve(listener, answer.into_make_service()).await });
        address
    }
}

fn digest(content: &str) -> String {
    Sha256::digest(content).iter().fold("sha256:".into(), |mut digest, byte| {
        let _ = write!(digest, "{byte:02x}");
        digest
    })
}

/// A registry behind TLS. A proxy sends every host to it.
struct Far {
    aws: FakeAws,
    registry: Arc<CheckingProxy>,
    proxy: ForwardProxy,
    _tls: FaultProxy,
    dir: TempDir,
}

impl Far {
    async fn before(upstream: SocketAddr) -> Self {
        let (authority, dir) = (Authority::new(), tempfile::tempdir().expect("a folder"));
        fs::write(dir.path().join("ca.pem"), authority.pem()).expect("it can be written");
        let (registry, proxy) = (Arc::new(CheckingProxy::start(upstream).await), ForwardProxy::start().await);
        let address = registry.url().strip_prefix("http://").expect("plain").parse().expect("an address");
        let tls = FaultProxy::start_tls(address, &authority.issue(&[HOST])).await;
        proxy.tunnel_to(tls.address());
        Self { aws: FakeAws::start().await, registry, proxy, _tls: tls, dir }
    }

    /// Lets every token that is minted from now on open its registry.
    fn open(&self) {
        let registry = self.registry.clone();
        self.aws.on_issue(move |issued| registry.accept(&issued.registry, "AWS", &issued.password));
    }

    /// Runs the program. Returns its exit code, standard output and standard error.
    fn pull(&self, image: &str) -> (Option<i32>, String, String) {
        let mut program = Command::new(env!("CARGO_BIN_EXE_pull-image"));
        program.arg(image).env_clear().env("AWS_ENDPOINT_URL", self.aws.url()).env("HTTPS_PROXY", self.proxy.url());
        program.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "opens-nothing");
        let output = program.env("SSL_CERT_FILE", self.dir.path().join("ca.pem")).output().expect("it starts");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_pulled_with_a_minted_login() {
    let image = Image::new();
    let far = Far::before(image.serve().await).await;
    far.open();
    assert_eq!(far.pull(&format!("{HOST}/app:1")), (Some(0), image.told, String::new()));
    assert_eq!(far.aws.issued().len(), 1, "one token is enough for all of it");
    let opened = far.registry.requests().iter().filter(|(host, _, status)| host == HOST && *status == 200).count();
    assert_eq!(opened, image.served.len());
    assert!(far.proxy.connects().iter().all(|to| *to == format!("{HOST}:443")), "nothing went in clear text");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_the_registry_refuses_is_an_error_that_does_not_quote_it() {
    let far = Far::before(Image::new().serve().await).await;
    far.registry.accept(HOST, "AWS", "another");
    let (code, said, error) = far.pull(&format!("{HOST}/app:1"));
    assert_eq!((code, said), (Some(1), String::new()));
    assert!(!error.is_empty() && !error.contains(&far.aws.issued()[0].password[..40]), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_is_not_called_for_a_registry_outside_ecr() {
    let far = Far::before(Image::new().serve().await).await;
    let (code, _, error) = far.pull("quay.io/app:1");
    assert!(code == Some(1) && error.contains("\"quay.io\" is not the host of an ECR registry"), "{error}");
    assert!(far.aws.calls().is_empty() && far.proxy.connects().is_empty());
}
